"""A web server on loopback that answers exactly what a test wrote, octet by octet, and remembers what it was asked."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[socket.socket], None]


@dataclass
class ScriptedServer:
    port: int
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def scripted_server(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run one script per connection, the last one again for any further connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ScriptedServer(listener.getsockname()[1])
    closing = threading.Event()

    def serve() -> None:
        count = 0
        while not closing.is_set():
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            script = scripts[min(count, len(scripts) - 1)]
            count += 1
            with connection, suppress(OSError):
                connection.settimeout(5)
                peer = tls.wrap_socket(connection, server_side=True) if tls else connection
                server.requests.append(read_request(peer))
                script(peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        closing.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(6)


def read_request(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received and (piece := connection.recv(4096)):
        received += piece
    return received.decode("latin-1")


def answer(body: bytes = b"", *, status: str = "200 OK", content_type: str = "text/html", headers: str = "") -> Script:
    """A whole answer with its length."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def redirect(location: str, status: str = "302 Found") -> Script:
    return answer(status=status, headers=f"Location: {location}\r\n")


def octets(data: bytes) -> Script:
    return lambda connection: connection.sendall(data)


def forever(head: bytes, piece: bytes, pause: float = 0) -> Script:
    """`head`, then `piece` again and again until the other side leaves."""

    def run(connection: socket.socket) -> None:
        connection.sendall(head)
        waiting = threading.Event()
        while True:
            connection.sendall(piece)
            waiting.wait(pause)

    return run
