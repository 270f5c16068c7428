"""Whether what a message links to answers, and how heavy its pictures are: asked over the network, all at once, in a
bounded time. Nothing here is fatal: a newsroom whose network is slow can send.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

from newsletter.core.destinations import Resolver, system_resolver
from newsletter.core.fetching import Fetched, fetch
from newsletter.core.targets import FetchError
from newsletter.issues.preflight import pictures
from newsletter.issues.preflight.findings import Finding, Level, all_of

MOST: Final = 200  # addresses
AT_ONCE: Final = 8
TOTAL_SECONDS: Final = 20.0
EACH_SECONDS: Final = 8.0
MOST_BYTES: Final = 3_000_000  # of a picture; what is larger is too large anyway
FIRST_BYTES: Final = 2_000

EVERY_STATUS: Final = range(100, 1000)
GONE: Final = (404, 410, 451)
# How sites answer to programs that they take for robots: nothing is known then.
SHY: Final = (401, 403, 405, 406, 418, 429, 503, 999)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one address: a status, or the sentence that says why there is none. `size` of a picture, in bytes;
    None when it is not known.
    """

    status: int = 0
    problem: str = ""
    kind: str = ""
    size: int | None = None


Ask = Callable[[str, bool, float], Answer]
"""Asks an address, for a picture or not, within seconds. Never raises."""


def asker(allow: Sequence[str] = (), *, resolver: Resolver = system_resolver) -> Ask:
    """Asks by guarded requests; `allow`: hosts and networks that may be private."""
    return partial(_ask, tuple(allow), resolver)


def check(links: Sequence[str], images: Sequence[str], ask: Ask, *, seconds: float = TOTAL_SECONDS) -> list[Finding]:
    """What does not answer, what is too heavy, and what there was no time for."""
    wanted = list(dict.fromkeys([*((url, True) for url in images), *((url, False) for url in links)]))[:MOST]
    answers = _all(wanted, ask, seconds)
    told = {True: {url: item for (url, image), item in answers.items() if image}}
    told[False] = {url: item for (url, image), item in answers.items() if not image}
    sizes = {url: item.size for url, item in told[True].items() if item.size is not None}
    unfinished = [url for url, image in wanted if (url, image) not in answers]
    return [
        *_findings(told[False], "link"),
        *_findings(told[True], "picture"),
        *all_of("picture_no_picture", Level.WARNING, _no_pictures(told[True])),
        *pictures.weigh(sizes),
        *all_of("not_asked", Level.NOTICE, [*unfinished, *list(dict.fromkeys(links))[MOST:]], seconds=int(seconds)),
    ]


def _findings(answers: Mapping[str, Answer], what: str) -> list[Finding]:
    gone = [f"{url} ({item.status})" for url, item in answers.items() if item.status in GONE]
    failing = [
        f"{url} ({item.status})"
        for url, item in answers.items()
        if item.status >= 400 and item.status not in (*GONE, *SHY)
    ]
    silent = [f"{url}: {item.problem}" for url, item in answers.items() if item.problem]
    shy = [f"{url} ({item.status})" for url, item in answers.items() if item.status in SHY]
    return [
        *all_of(f"{what}_gone", Level.WARNING, gone),
        *all_of(f"{what}_failing", Level.WARNING, failing),
        *all_of(f"{what}_unreached", Level.WARNING, silent),
        *all_of(f"{what}_not_told", Level.NOTICE, shy),
    ]


def _no_pictures(answers: Mapping[str, Answer]) -> list[str]:
    return [
        f"{url} ({item.kind})"
        for url, item in answers.items()
        if item.status == 200 and item.kind and not item.kind.startswith(("image/", "application/octet-stream"))
    ]


def _all(wanted: Sequence[tuple[str, bool]], ask: Ask, seconds: float) -> dict[tuple[str, bool], Answer]:
    """The answers that came in time."""
    end = monotonic() + seconds
    pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="reaching")
    asked: dict[Future[Answer], tuple[str, bool]] = {}
    for url, image in wanted:
        asked[pool.submit(_in_time, ask, url, image, end)] = (url, image)
    done, _late = wait(asked, timeout=seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    in_time = [future for future in asked if future in done and not future.cancelled()]
    return {asked[future]: future.result() for future in in_time if future.exception() is None}


def _in_time(ask: Ask, url: str, image: bool, end: float) -> Answer:
    left = end - monotonic()
    if left <= 0.05:
        raise TimeoutError
    return ask(url, image, min(EACH_SECONDS, left))


def _ask(allow: Sequence[str], resolver: Resolver, url: str, image: bool, seconds: float) -> Answer:
    """HEAD first; GET where a server does not know it, or does not say how large a picture is."""
    end = monotonic() + seconds
    asking = partial(fetch, url, allow=allow, accept=("*/*",), resolver=resolver, statuses=EVERY_STATUS, enough=True)
    try:
        answer = asking(method="HEAD", max_bytes=FIRST_BYTES, deadline_seconds=seconds)
        if answer.status < 400 and (size := _length(answer)) is not None:
            return Answer(answer.status, kind=answer.content_type if image else "", size=size if image else None)
        if answer.status < 400 and not image:
            return Answer(answer.status)
    except FetchError:
        pass  # some close the connection on a HEAD: what GET says counts
    try:
        answer = asking(max_bytes=MOST_BYTES if image else FIRST_BYTES, deadline_seconds=max(0.1, end - monotonic()))
    except FetchError as error:
        return Answer(problem=str(error))
    sized = image and answer.status == 200
    return Answer(answer.status, kind=answer.content_type if sized else "", size=len(answer.body) if sized else None)


def _length(answer: Fetched) -> int | None:
    told = answer.headers.get("content-length", "")
    return int(told) if told.isdecimal() and len(told) < 12 else None
