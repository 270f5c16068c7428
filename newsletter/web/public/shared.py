"""What stands at the top of a page that belongs to no single newsletter."""

from collections.abc import Sequence

from newsletter.newsletters.models import Newsletter


def shared_publisher(newsletters: Sequence[Newsletter]) -> str:
    """The publisher's name when all newsletters have the same, else nothing."""
    names = {item.publisher for item in newsletters}
    return names.pop() if len(names) == 1 else ""
