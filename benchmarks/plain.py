"""The loop that anybody would write: smtplib and email.message, one connection, one message after the other.

    python -m benchmarks.plain PORT MESSAGES BYTES

Sends messages of about that size, each with a name of its own in both parts, and prints seconds and processor seconds.
"""

import json
import smtplib
import sys
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

TEXT = "Bonjour {name},\n\nLe marché de Kpessi rouvre ce matin, après deux mois de travaux.\n"
HTML = "<p>Bonjour {name},</p>"
FILLING = "<p>Le conseil de quartier a rouvert le marche ce matin, apres deux mois de travaux.</p>\n"


def write(number: int, size: int) -> EmailMessage:
    name = f"Reader {number}"
    message = EmailMessage()
    message["From"] = "La Gazette <desk@gazette.example>"
    message["To"] = f"{name} <reader{number}@mail.example>"
    message["Subject"] = "Le marché rouvre"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="gazette.example")
    message["List-Unsubscribe"] = f"<https://news.example/u/{number}>"
    message.set_content(TEXT.format(name=name))
    message.add_alternative(HTML.format(name=name) + FILLING * (size // len(FILLING)), subtype="html")
    return message


def main(port: int, messages: int, size: int) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for number in range(messages):
            relay.send_message(write(number, size), "bounces@gazette.example", [f"reader{number}@mail.example"])
    print(json.dumps({"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:4]))
