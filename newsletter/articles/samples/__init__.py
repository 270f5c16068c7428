"""The articles that a first start shows: five in French, each with its English translation beside it."""

from importlib.resources import files
from typing import Final

from newsletter.articles.draft import ArticleDraft
from newsletter.articles.extract import from_markdown

# The lead first; each stem has a file NAME.fr.md and its translation NAME.en.md.
STEMS: Final = ("vostochny", "bac", "tomates", "contes", "pluie")


def load_samples() -> list[tuple[ArticleDraft, ArticleDraft]]:
    """French and English draft of each sample article, in the order of a digest."""
    return [(_load(f"{stem}.fr.md"), _load(f"{stem}.en.md")) for stem in STEMS]


def _load(name: str) -> ArticleDraft:
    return from_markdown((files(__name__) / name).read_text(encoding="utf-8"))
