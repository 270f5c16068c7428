"""Ids of rows, as they come from addresses and forms."""

from typing import Final

LARGEST_ID: Final = 2**63 - 1
"""The largest number that a database takes for the id of a row."""
