"""The editions of a newsletter, apart from its tables: rendering knows them and needs no database."""

from enum import StrEnum


class Edition(StrEnum):
    """How much of an issue a reader wants: with pictures, without, or as plain text."""

    FULL = "full"
    LIGHT = "light"
    TEXT = "text"
