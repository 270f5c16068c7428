"""A conversation of an SMTP client without a socket, and what it should say."""

from collections import deque

from newsletter.mail.commands import Extensions
from newsletter.mail.outcomes import Outcome, OutcomeKind
from newsletter.mail.replies import Phase
from newsletter.mail.session import Parcel, Session
from newsletter.mail.transport import Envelope, Timeouts

TIMEOUTS = Timeouts(command=5, data=2, block=3, dot=10, transaction=20, drain=1)
TAKEN = ("250 ok", "250 ok", "354 go on")


class Dialogue:
    """A session, and what a relay would see of it."""

    def __init__(self, *extensions: str, parcels: int = 1, round_trip: float = 0.0) -> None:
        self.left: list[str] = []
        self.now = 100.0
        self.posted = deque(self.parcel(n) for n in range(1, parcels + 1))
        self.session = Session(
            Extensions(frozenset(extensions)),
            TIMEOUTS,
            lambda: self.posted.popleft() if self.posted else None,
            leaving=lambda parcel: self.left.append(parcel.key),
            round_trip=round_trip,
        )
        self.session.begin(self.now)

    def parcel(self, number: int) -> Parcel:
        return Parcel(f"p{number}", Envelope(f"s{number}@x", f"r{number}@x"), b"message %d\r\n" % number)

    def said(self, count: int = 1 << 30) -> str:
        """What leaves now, at most so many bytes of it."""
        block = bytes(b"".join(self.session.out.pieces))[:count]
        if block:
            self.session.out.about_to_send(len(block))
            self.session.took(len(block), self.now)
        return block.decode()

    def hears(self, *lines: str) -> None:
        self.session.feed("".join(f"{line}\r\n" for line in lines).encode(), self.now)

    @property
    def outcomes(self) -> dict[str, tuple[OutcomeKind, Phase]]:
        return {parcel.key: (outcome.kind, outcome.phase) for parcel, outcome in self.session.ended}

    @property
    def unharmed(self) -> list[str]:
        return [parcel.key for parcel in self.session.unharmed]

    def outcome(self, key: str) -> Outcome:
        return next(outcome for parcel, outcome in self.session.ended if parcel.key == key)


def envelope(number: int, end: str = "DATA") -> str:
    return f"MAIL FROM:<s{number}@x>\r\nRCPT TO:<r{number}@x>\r\n{end}\r\n"


def body(number: int) -> str:
    return f"message {number}\r\n.\r\n"


def chunk(number: int) -> str:
    return envelope(number, "BDAT 11 LAST") + f"message {number}\r\n"
