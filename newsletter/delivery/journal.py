"""What a worker knows before the database does: which messages may have left, and what became of them.

Outcomes are written to the database a few times a second. A worker that is killed in between would leave in doubt
whatever it had in hand; so it notes each step in a file that is mapped into memory, which costs no call to the system
and outlives the process, though not the machine. Whoever takes its batches over on this machine reads the file and
knows: not begun, maybe taken (the final dot was leaving and no reply had come), or ended, with the reply.

The file is as long as it will ever be before the first message leaves, so that a full disk stops a worker before it
sends and never in the middle. The worker holds a lock on it for as long as it lives.
"""

import fcntl
import json
import mmap
import os
import secrets
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from newsletter.mail.replies import Phase, Reply, ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind

JOURNALS = "journals"  # the directory of them, in the data directory
SLOT = 320  # bytes: state, length of the note, delivery id, note
_HEAD = struct.Struct("<BxHxxxxQ")
_NOTE = SLOT - _HEAD.size
_SUFFIX = ".journal"


class Step(IntEnum):
    """How far a delivery in hand has come."""

    TAKEN = 0
    LEAVING = 1
    """Its last byte may have been handed to the kernel."""
    SENT = 2
    ENDED = 3
    """Not sent; the note says how it ended."""


class Workers(NamedTuple):
    """What this machine knows of its workers, by the names of their journals."""

    gone: Sequence[str] = ()
    alive: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a journal says of one delivery; `outcome` when it had ended."""

    step: Step
    outcome: Outcome | None = None


class Journal:
    """The journal of one living worker, with room for `slots` deliveries in hand; `name` is that of its leases.

    Raises OSError when there is no room for it on the disk.
    """

    def __init__(self, directory: Path, slots: int) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.name = secrets.token_hex(12)
        self._path = directory / (self.name + _SUFFIX)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(self._file, slots * SLOT)
            self._map = mmap.mmap(self._file, slots * SLOT)
        except BaseException:
            os.close(self._file)
            self._path.unlink(missing_ok=True)
            raise
        self._free = list(range(slots * SLOT - SLOT, -1, -SLOT))

    @property
    def room(self) -> int:
        """How many more deliveries may be in hand."""
        return len(self._free)

    def take(self, delivery_id: int) -> int:
        """A slot for a delivery; the other methods want it."""
        at = self._free.pop()
        _HEAD.pack_into(self._map, at, Step.TAKEN, 0, delivery_id)
        return at

    def leaving(self, at: int) -> None:
        """To be called before the last byte of a message can leave."""
        self._map[at] = Step.LEAVING

    def ended(self, at: int, outcome: Outcome) -> None:
        """The outcome is known. The note first, then the step: a process can die between the two."""
        sent = outcome.kind is OutcomeKind.SENT
        note = (outcome.detail.encode()[:_NOTE] if sent else _written(outcome)) or b" "
        self._map[at + _HEAD.size : at + _HEAD.size + len(note)] = note
        self._map[at + 2 : at + 4] = len(note).to_bytes(2, "little")
        self._map[at] = Step.SENT if sent else Step.ENDED

    def free(self, at: int) -> None:
        """The database has it now."""
        _HEAD.pack_into(self._map, at, Step.TAKEN, 0, 0)
        self._free.append(at)

    def close(self, *, keep: bool) -> None:
        """End it; `keep` the file while there is anything in it that the database does not know."""
        self._map.close()
        if not keep:
            self._path.unlink(missing_ok=True)
        os.close(self._file)


def survey(directory: Path) -> Workers:
    """Which workers of this machine are gone, and which live."""
    gone: list[str] = []
    alive: list[str] = []
    with suppress(FileNotFoundError):
        for path in sorted(directory.glob("*" + _SUFFIX)):
            with suppress(FileNotFoundError):
                (alive if _is_locked(path) else gone).append(path.name.removesuffix(_SUFFIX))
    return Workers(gone, alive)


def read(directory: Path, name: str) -> dict[int, Entry] | None:
    """What a journal says, by delivery; None when this machine has no such journal."""
    try:
        data = (directory / (name + _SUFFIX)).read_bytes()
    except (OSError, ValueError):
        return None
    return dict(_entries(data))


def remove(directory: Path, name: str) -> None:
    """Forget the journal of a worker that is gone."""
    (directory / (name + _SUFFIX)).unlink(missing_ok=True)


def _entries(data: bytes) -> Iterator[tuple[int, Entry]]:
    for at in range(0, len(data) - SLOT + 1, SLOT):
        step, length, delivery_id = _HEAD.unpack_from(data, at)
        if delivery_id:
            note = data[at + _HEAD.size : at + _HEAD.size + length]
            yield delivery_id, Entry(Step(step), _outcome(Step(step), note))


def _outcome(step: Step, note: bytes) -> Outcome | None:
    text = note.decode("utf-8", "ignore").strip()
    if step is Step.SENT:
        return Outcome(OutcomeKind.SENT, None, Phase.DOT, ReplyClass.ACCEPTED, text)
    if step is not Step.ENDED:
        return None
    kind, phase, reply_class, code, enhanced, detail = json.loads(text)
    reply = Reply(code, enhanced, detail) if code else None
    return Outcome(OutcomeKind(kind), reply, Phase(phase), ReplyClass(reply_class), detail)


def _written(outcome: Outcome) -> bytes:
    reply = outcome.reply or Reply(0)
    fixed = [outcome.kind, outcome.phase, outcome.reply_class, reply.code, reply.enhanced[:12]]
    room = _NOTE - len(json.dumps([*fixed, ""]))
    # Escapes make a character up to twelve bytes long, so it is cut by what it takes when written.
    detail = outcome.detail[:room]
    while len(note := json.dumps([*fixed, detail]).encode()) > _NOTE:
        detail = detail[: len(detail) * 2 // 3]
    return note


def _allocate(file: int, size: int) -> None:
    """Write zeros, so that the disk has room for every byte that the map will ever touch."""
    zeros = bytes(1 << 16)
    while size > 0:
        size -= os.write(file, zeros[:size])


def _is_locked(path: Path) -> bool:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
