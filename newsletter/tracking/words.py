"""The words of the room: how an address was asked for, and what is made of it."""

from enum import StrEnum


class Manner(StrEnum):
    """How an address was asked for."""

    GET = "get"
    HEAD = "head"
    AHEAD = "ahead"  # a program said itself that it fetches before anybody asks


class Verdict(StrEnum):
    """Who was at work. `prefetch`: a mail program that loads before its owner reads, which says nothing of them."""

    PERSON = "person"
    MACHINE = "machine"
    PREFETCH = "prefetch"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a verdict is what it is."""

    ORDINARY = "ordinary"  # nothing speaks against a person
    PROXY = "proxy"  # a mail service fetched the picture as its reader opened the message
    HEAD = "head"
    AHEAD = "ahead"
    SCANNER = "scanner"  # calls itself one
    ROBOT = "robot"  # a crawler, a preview in a chat, a tool of programmers
    APPLE = "apple"  # Mail Privacy Protection, which loads everything
    EARLY = "early"  # sooner after sending than anybody reads
    FLURRY = "flurry"  # several links within a breath
    SWEEP = "sweep"  # every link of the message, or many within a minute
    SAME_SOURCE = "same_source"  # from where a machine was seen at work on this message
    FLOOD = "flood"  # more than a person could
    NAMELESS = "nameless"  # does not say what it is


class LinkKind(StrEnum):
    """What a link of an issue leads to."""

    ARTICLE = "article"
    ELSEWHERE = "elsewhere"  # another place that tells the article's story
    OTHER = "other"
