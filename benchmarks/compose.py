"""How long it takes to compose an issue for readers who chose differently: kinds of readers, variants, deliveries.

    make benchmark NAME=compose  # .venv/bin/python -m benchmarks.compose [--readers N]

Twenty topics, three languages, 200 articles. Six readers in ten take everything, the others one to four topics, some of
which many more choose than others. Then the same deliveries go into an identical table by one bare `INSERT ... SELECT`.
"""

import argparse
import random
from typing import Any

from sqlalchemy import text

from benchmarks.freeze import NEXT_PORT, checkpoint, freeze_elsewhere, insert_bare, make_bare_table
from benchmarks.report import show, table
from tests.support.site import Site, site

TOPICS, ARTICLES = 20, 200
LANGUAGES = ("fr", "en", "ee")
SHARE = 0.4  # of readers chose topics

TOPIC = "INSERT INTO topics (newsletter_id, slug, name) SELECT 1, 't' || n, 'Topic ' || n FROM generate_series(1, :n) n"
ARTICLE = """INSERT INTO articles (language, title, summary, body_html, body_text, image_alt, content_hash, url,
        first_seen_at, updated_at)
    SELECT (ARRAY['fr', 'en', 'ee'])[1 + n % 3], 'Nouvelle ' || n || ' du marché de Kpessi', repeat('Un mot ', 30),
        '<p>texte</p>', repeat('texte ', 200), '', md5('x' || n), 'https://gazette.example/' || n, now(), now()
    FROM generate_series(1, :n) n"""
PLACEMENT = """INSERT INTO placements (article_id, newsletter_id, topic_id, placed_at)
    SELECT id, 1, (SELECT min(id) FROM topics) + id % :topics, now() - interval '1 second' FROM articles"""
CHOICE = """INSERT INTO choices (newsletter_id, key, topics, edition, breaking)
    SELECT 1, md5(value::text), value, 'full', true FROM jsonb_array_elements(CAST(:all AS jsonb))"""
CHOSEN = """UPDATE subscriptions SET choice_id = (SELECT min(id) FROM choices) + (random() * random() * :n)::int
    WHERE random() < :share"""
SPOKEN = "UPDATE subscribers SET language = (ARRAY['fr', 'en', 'ee'])[1 + id % 3]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=1_000_000)
    given = parser.parse_args()
    with site(NEXT_PORT) as here:
        here.prepare(keys="")
        here.fill(given.readers)
        choices = fill(here)
        make_bare_table(here)
        issue_id = here.send()
        checkpoint(here)
        frozen = freeze_elsewhere(here, issue_id)
        checkpoint(here)
        bare = insert_bare(here, issue_id)
        with here.engine.connect() as connection:
            variants, made = (
                connection.execute(text(f"SELECT count(*) FROM {name} WHERE issue_id = :id"), {"id": issue_id}).scalar()
                for name in ("variants", "deliveries")
            )
    result: dict[str, Any] = {
        "readers": given.readers,
        "deliveries": made,
        "choices": choices,
        "variants": variants,
        "compose_s": frozen["seconds"],
        "bare_s": bare,
        "ratio": frozen["seconds"] / bare,
        "before_mb": frozen["before"] / 1e6,
        "peak_mb": frozen["peak"] / 1e6,
    }
    head = [
        "readers",
        "choices",
        "variants",
        "deliveries",
        "freeze, s",
        "bare insert, s",
        "ratio",
        "before, MB",
        "peak, MB",
    ]
    row = [str(result[name]) for name in ("readers", "choices", "variants", "deliveries")]
    row += [f"{result[name]:.1f}" for name in ("compose_s", "bare_s", "ratio", "before_mb", "peak_mb")]
    show(table(head, [row]), result)


def fill(here: Site) -> int:
    """Topics, articles, and what readers chose; how many ways there are."""
    rng = random.Random(1)
    picked = {
        tuple(sorted({min(int(rng.expovariate(0.2)), TOPICS - 1) for _ in range(rng.randint(1, 4))}))
        for _ in range(20_000)
    }
    with here.engine.begin() as connection:
        connection.execute(text(TOPIC), {"n": TOPICS})
        first = connection.execute(text("SELECT min(id) FROM topics")).scalar() or 0
        connection.execute(text(ARTICLE), {"n": ARTICLES})
        connection.execute(text(PLACEMENT), {"topics": TOPICS})
        chosen = [[first + topic for topic in topics] for topics in sorted(picked)]
        connection.execute(text(CHOICE), {"all": str(chosen)})
        connection.execute(text(CHOSEN), {"n": len(chosen) - 1, "share": SHARE})
        connection.execute(text(SPOKEN))
        connection.execute(text('UPDATE newsletters SET languages = \'["fr", "en", "ee"]\''))
    with here.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return len(chosen)


if __name__ == "__main__":
    main()
