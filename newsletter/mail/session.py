"""What is said on an SMTP connection after the login: bytes in, bytes out, and what became of each message (RFC 5321).

No socket and no clock: whoever has the connection passes bytes and the time. So the one that waits for each answer and
the one that keeps hundreds of connections busy say the same, and know the same about what may have been taken.

With PIPELINING (RFC 2920) the envelope of the next message goes in one write with the message before it, so that each
message costs one round trip. With CHUNKING (RFC 3030), where round trips are long, a message goes in one write with its
own envelope, and several are on the way at once.

A message may have been taken from the moment the kernel has the last byte of its end until the reply to it. A
connection lost then leaves it in doubt; lost at any other moment, it does not.
"""

from collections import deque
from collections.abc import Callable

from newsletter.mail.commands import Extensions, dot_stuffed, mail_and_rcpt
from newsletter.mail.outcomes import Outcome, accepted, failed
from newsletter.mail.parcel import Outgoing, Parcel, Transaction
from newsletter.mail.reader import RawReply, ReplyReader
from newsletter.mail.replies import Phase, Reply
from newsletter.mail.wire import ConnectionLost, Desync, Refused, Timeouts

__all__ = ["Parcel", "Session"]

CHUNKING_FROM = 0.005
"""Seconds of round trip from which BDAT pays."""
CHUNKS_ON_THE_WAY = 4
MAX_MOVES = 3

_RESET, _MAIL, _RCPT, _DATA, _DOT = Phase.IDLE, Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT
_EMPTY = Phase.BODY  # the answer to an empty message that nobody is to get


class Session:
    """One connection's conversation.

    `supply` is asked for the next parcel whenever one can begin. `leaving` is told of each parcel just before the bytes
    that complete it are handed over, `known` of each outcome before anything else can leave. What is to be sent is in
    `out`; `ended` and `unharmed` collect the parcels that have an outcome, and those that had not begun in earnest when
    the connection ended. `closed` says why the
    connection is of no use any more. `deadline` is when to call `lose` unless something has happened.
    """

    def __init__(
        self,
        extensions: Extensions,
        timeouts: Timeouts,
        supply: Callable[[], Parcel | None],
        *,
        leaving: Callable[[Parcel], None] | None = None,
        known: Callable[[Parcel, Outcome], None] | None = None,
        round_trip: float = 0.0,
    ) -> None:
        names = extensions.names
        self.out = Outgoing(leaving)
        self.ended: list[tuple[Parcel, Outcome]] = []
        self.unharmed: list[Parcel] = []
        self.closed = ""
        self.blameless = True
        """Whether no message has come to harm by the end of the connection."""
        self.dismissed = False
        """Whether the server itself ended it, by a 421."""
        self.deadline = float("inf")
        self.served = 0
        self.pipelining = "PIPELINING" in names
        self.chunking = self.pipelining and "CHUNKING" in names and round_trip >= CHUNKING_FROM
        self._extensions = extensions
        self._timeouts = timeouts
        self._limits = {
            _RESET: timeouts.command,
            _MAIL: timeouts.command,
            _RCPT: timeouts.command,
            _DATA: timeouts.data,
            _EMPTY: timeouts.drain,
            _DOT: timeouts.dot,
        }
        self._supply = supply
        self._known = known
        self._reader = ReplyReader()
        self._awaited: deque[tuple[Phase, Transaction]] = deque()
        self._later: deque[tuple[Phase, bytes]] = deque()
        self._open: Transaction | None = None
        self._needs_reset = False
        self._transaction_end = 0.0

    @property
    def busy(self) -> bool:
        """Whether anything is to be sent or awaited."""
        return bool(self._awaited or self.out)

    @property
    def places(self) -> int:
        """How many parcels keep this connection busy: those on the way, and one that is at hand when its turn comes."""
        if self.chunking:
            return CHUNKS_ON_THE_WAY + 1
        return 3 if self.pipelining else 2

    def begin(self, now: float) -> None:
        """Begin as many parcels as there are and as may begin."""
        began = False
        while self._may_begin() and (parcel := self._supply()) is not None:
            try:
                mail, rcpt = mail_and_rcpt(parcel.envelope, parcel.message, self._extensions)
            except Refused as refused:
                self._conclude(parcel, failed(refused))
            except ValueError as error:
                self._conclude(parcel, failed(Refused(_MAIL, Reply(554, "5.6.0", str(error)))))
            else:
                if not self._awaited:
                    self._transaction_end = now + self._timeouts.transaction
                self._open_transaction(Transaction(parcel), mail, rcpt)
                began = True
        if began:
            self._set_deadline(now)

    def feed(self, data: bytes, now: float) -> None:
        """Read what the server said."""
        replies = self._reader.feed(data)
        for reply in replies:
            if self.closed:
                return
            self._answer(reply, now)
        if self.closed:
            return
        if self._reader.broken:
            self.lose(self._reader.broken, desync=True)
        elif not self._awaited and not self._reader.between_replies:
            self.lose(f"unasked: {data[:80]!r}", desync=True)
        elif replies:
            self.begin(now)
            self._set_deadline(now)

    def took(self, count: int, now: float) -> None:
        """The kernel has that many bytes more of `out`."""
        self.out.took(count)
        self._set_deadline(now)

    def lose(self, detail: str, *, desync: bool = False) -> None:
        """The connection is of no use any more: what is on the way comes to its end."""
        self._end_all(detail, desync=desync)

    def _may_begin(self) -> bool:
        if self.closed:
            return False
        if self.chunking:
            return sum(phase is _DOT for phase, _ in self._awaited) < CHUNKS_ON_THE_WAY
        if self._open is not None:
            return False
        return not self._awaited or (self.pipelining and self._awaited[0][0] is _DOT)

    def _open_transaction(self, transaction: Transaction, mail: bytes, rcpt: bytes) -> None:
        commands = [(_MAIL, mail), (_RCPT, rcpt)]
        if self._needs_reset or (self.chunking and self._awaited):
            # A transaction that failed, or that may yet fail, must not lend its sender to the next one.
            commands.insert(0, (_RESET, b"RSET\r\n"))
            self._needs_reset = False
        if self.chunking:
            self._write_chunk(transaction, commands)
            return
        self._open = transaction
        commands.append((_DATA, b"DATA\r\n"))
        if self.pipelining:
            self.out.write(b"".join([command for _, command in commands]))
            self._awaited.extend([(phase, transaction) for phase, _ in commands])
        else:
            self._later.extend(commands)
            self._write_next(transaction)

    def _write_chunk(self, transaction: Transaction, commands: list[tuple[Phase, bytes]]) -> None:
        """The envelope, and the whole message as one chunk, the last one; no dots are added (RFC 3030)."""
        message = transaction.parcel.message
        tail = b"" if message.endswith(b"\r\n") else b"\r\n"
        commands.append((_DOT, b"BDAT %d LAST\r\n" % (len(message) + len(tail))))
        self.out.write(b"".join([command for _, command in commands]))
        self._awaited.extend([(phase, transaction) for phase, _ in commands])
        self.out.write_message(transaction, message, tail)

    def _write_next(self, transaction: Transaction) -> None:
        if self._later:
            phase, command = self._later.popleft()
            self.out.write(command)
            self._awaited.append((phase, transaction))

    def _answer(self, reply: RawReply, now: float) -> None:
        if not self._awaited:
            self.lose(f"unasked: {reply.parse()}", desync=reply.code // 100 not in (4, 5))
            return
        phase, transaction = self._awaited[0]
        digit = reply.code // 100
        if reply.code == 421:
            self._dismissed(phase, transaction, reply)
        elif phase is _DOT:
            self._dot_answered(transaction, reply, digit, now)
        elif phase is _DATA:
            self._data_answered(transaction, reply, digit)
        elif digit == 2 or (phase is not _RESET and digit in (4, 5)):
            self._awaited.popleft()
            if phase is _RCPT:
                transaction.recipient_taken = digit == 2
            if digit != 2 and phase is not _EMPTY:
                self._refuse(transaction, phase, reply)
            elif phase is not _EMPTY:
                self._write_next(transaction)
        else:
            self.lose(f"unexpected: {reply.parse()}", desync=True)

    def _refuse(self, transaction: Transaction, phase: Phase, reply: RawReply) -> None:
        """A refusal before the message. It stands whatever is said to the commands that went out behind it; only of a
        chunk that went out behind it may the server say that it took it after all.
        """
        if transaction.refused is None:
            transaction.refused = Refused(phase, reply.parse())
            if not self.chunking:
                self.served += 1
                self._end(transaction, failed(transaction.refused))
        if phase is _DATA or not self.pipelining:
            self._later.clear()
            self._open = None
        self._needs_reset = True

    def _data_answered(self, transaction: Transaction, reply: RawReply, digit: int) -> None:
        if digit == 3 and transaction.refused is None:
            self._awaited.popleft()
            self._open = None
            self._awaited.append((_DOT, transaction))
            parcel = transaction.parcel
            stuffed = (parcel.message, b".\r\n") if parcel.dotless else dot_stuffed(parcel.message)
            self.out.write_message(transaction, *stuffed)
        elif digit == 3 and transaction.recipient_taken:
            # A server that refused the sender and took the recipient would deliver the empty message.
            self.lose("the server expects a message that it refused", desync=True)
        elif digit == 3:
            self._awaited.popleft()
            self._open = None
            self._awaited.append((_EMPTY, transaction))
            self.out.write(b".\r\n")
        elif digit in (4, 5) or transaction.refused is not None:
            self._awaited.popleft()
            self._refuse(transaction, _DATA, reply)
        else:
            self.lose(f"unexpected: {reply.parse()}", desync=True)

    def _dot_answered(self, transaction: Transaction, reply: RawReply, digit: int, now: float) -> None:
        if digit not in (2, 4, 5):
            self.lose(f"unexpected: {reply.parse()}", desync=True)
        elif not self.out.has_taken(transaction):
            self._answered_early(transaction, reply, digit)
        else:
            self._awaited.popleft()
            self.served += 1
            refused = transaction.refused
            if digit == 2 and (refused is None or transaction.recipient_taken):
                self._end(transaction, accepted(reply.parse()))
            else:
                self._end(transaction, failed(refused or Refused(_DOT, reply.parse())))
                self._needs_reset = not self._awaited
            self._transaction_end = now + self._timeouts.transaction

    def _answered_early(self, transaction: Transaction, reply: RawReply, digit: int) -> None:
        """A refusal in the middle of the message: the rest of it need not be sent, and nothing can follow it."""
        if digit != 2:
            self._awaited.popleft()
            self.served += 1
            refused = transaction.refused or Refused(Phase.BODY, reply.parse())
            self._end(transaction, failed(refused))
        self.lose(f"answered before the end of the message: {reply.parse()}", desync=True)

    def _dismissed(self, phase: Phase, transaction: Transaction, reply: RawReply) -> None:
        """421: the server closes the connection, and has taken nothing that it has not answered."""
        if phase is _DOT and not self.out.has_taken(transaction):
            phase = Phase.BODY
        said = reply.parse()
        if not transaction.ended and not self._moves_on(transaction, phase, first=True):
            self.blameless = False
            self._end(transaction, failed(transaction.refused or Refused(phase, said)))
        self.dismissed = True
        self._end_all(str(said), desync=False)

    def _end(self, transaction: Transaction, outcome: Outcome) -> None:
        transaction.ended = True
        self._conclude(transaction.parcel, outcome)

    def _conclude(self, parcel: Parcel, outcome: Outcome) -> None:
        if self._known is not None:
            self._known(parcel, outcome)
        self.ended.append((parcel, outcome))

    def _moves_on(self, transaction: Transaction, phase: Phase, *, first: bool) -> bool:
        """Whether a parcel may try another connection without having an outcome: the connection had been in use, or was
        busy with another message, when it ended, and of this one nothing was known yet.
        """
        parcel = transaction.parcel
        if phase not in (_RESET, _MAIL) or not (self.served or not first) or parcel.moves >= MAX_MOVES:
            return False
        parcel.moves += 1
        transaction.ended = True
        self.unharmed.append(parcel)
        return True

    def _end_all(self, detail: str, *, desync: bool) -> None:
        if self.closed:
            return
        self.closed = detail
        self.blameless = self.blameless and not desync
        head = self._awaited[0][1] if self._awaited else None
        for awaited, transaction in self._awaited:
            if transaction.ended:
                continue
            phase = Phase.BODY if awaited is _DOT else awaited
            if self.out.has_taken(transaction) and not self.dismissed:
                phase = _DOT
            if transaction.refused is not None:
                self._end(transaction, failed(transaction.refused))
            elif not self._moves_on(transaction, phase, first=transaction is head):
                self.blameless = False
                error = Desync(phase, detail) if desync else ConnectionLost(phase, detail)
                self._end(transaction, failed(error))
        self._awaited.clear()
        self._later.clear()
        self.out.forget()
        self._open = None
        self.deadline = float("inf")

    def _set_deadline(self, now: float) -> None:
        """Each reply and each block has its own time; a transaction has one up to the end of its message."""
        if not self._awaited:
            self.deadline = float("inf")
            return
        phase, transaction = self._awaited[0]
        if phase is _DOT and self.out.has_taken(transaction):
            self.deadline = now + self._timeouts.dot
            return
        limit = self._timeouts.block if self.out else self._limits[phase]
        if transaction.ended:
            limit = min(limit, self._timeouts.drain)
        self.deadline = min(now + limit, self._transaction_end)
