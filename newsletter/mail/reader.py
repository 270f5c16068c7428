"""From the bytes that a server sends to its replies, with a limit on every length (RFC 5321 section 4.2)."""

from newsletter.mail.replies import Reply, parse_reply

MAX_LINE_KEPT = 4096
MAX_LINE_READ = 64 * 1024
MAX_REPLY_LINES = 200

_CODES = {str(code).encode(): code for code in range(100, 600)}


class RawReply:
    """A reply as it came: its code (of several the last one counts) and the text of each of its lines."""

    __slots__ = ("code", "texts")

    def __init__(self, code: int, texts: list[bytes]) -> None:
        self.code = code
        self.texts = texts

    def lines(self) -> list[str]:
        return [text[:MAX_LINE_KEPT].decode("utf-8", "replace") for text in self.texts]

    def parse(self) -> Reply:
        return parse_reply(self.code, self.lines())


class ReplyReader:
    """Bytes in, replies out. `broken` says why nothing that follows can be read any more; empty while it can."""

    __slots__ = ("_rest", "_texts", "broken")

    def __init__(self) -> None:
        self.broken = ""
        self._rest = bytearray()
        self._texts: list[bytes] = []

    @property
    def between_replies(self) -> bool:
        """Whether no part of a reply has come yet."""
        return not (self._rest or self._texts or self.broken)

    def feed(self, data: bytes) -> list[RawReply]:
        """The replies that are complete with these bytes. Lines may end with a lone LF, and long ones are cut."""
        if self.broken:
            return []
        if self._rest:
            self._rest += data
            if b"\n" not in data:
                self._check_length()
                return []
            data = bytes(self._rest)
        *lines, rest = data.split(b"\n")
        self._rest = bytearray(rest)
        replies: list[RawReply] = []
        for line in lines:
            code = _CODES.get(line[:3])
            mark = line[3:4]
            if code is None or mark not in (b" ", b"\r", b"-", b""):
                self.broken = f"not a reply: {line[:80]!r}"
                return replies
            self._texts.append(line[4:].rstrip(b"\r"))
            if mark != b"-":
                replies.append(RawReply(code, self._texts))
                self._texts = []
            elif len(self._texts) >= MAX_REPLY_LINES:
                self.broken = f"a reply of more than {MAX_REPLY_LINES} lines"
                return replies
        self._check_length()
        return replies

    def _check_length(self) -> None:
        if len(self._rest) > MAX_LINE_READ:
            self.broken = f"a line of more than {MAX_LINE_READ} bytes"
