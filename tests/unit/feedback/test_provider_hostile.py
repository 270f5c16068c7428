"""Bodies that nobody means well with: whatever comes, it is read or refused, quickly, and harms nothing beside it."""

import json
import logging
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.core.errors import RefusedError
from newsletter.feedback.providers import PROVIDERS, Reading
from newsletter.feedback.providers.shared import read_each
from newsletter.feedback.providers.values import moment, parse_json
from newsletter.mail.evidence import Evidence, Kind

BODIES = Path(__file__).parent / "providers"
EACH = pytest.mark.parametrize("slug", sorted(PROVIDERS))
BATCHES = pytest.mark.parametrize("slug", ["sendgrid", "postmark", "brevo", "mailjet", "sparkpost", "resend"])


@pytest.fixture(autouse=True)
def _nothing_breaks(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An event that breaks its reader is counted and logged, and there shall be none."""
    yield
    if "breaks" not in request.node.name:
        assert not [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]


def example(slug: str) -> Any:
    """A body with one event, of which SNS wraps another."""
    if slug == "ses":
        return by_sns(json.loads((BODIES / "ses_bounce.json").read_bytes()))
    found = json.loads((BODIES / f"{slug}.json").read_bytes())
    return found[0] if isinstance(found, list) else found


def by_sns(event: Any) -> Any:
    return {"Type": "Notification", "MessageId": "sns-1", "Message": json.dumps(event)}


def read(slug: str, body: bytes) -> Reading:
    """Refused or read; what is read is fit to be kept."""
    try:
        reading = PROVIDERS[slug].read(body)
    except RefusedError:
        return Reading(unknown=-1)
    for item in reading.evidence:
        check(item)
    return reading


def check(item: Evidence) -> None:
    assert len(item.recipient) <= 320
    assert len(item.reason) <= 1000
    assert len(item.status) <= 20
    assert (item.kind is Kind.BOUNCE) == (item.reply_class is not None)
    for said in (item.recipient, item.reason, item.status, item.event_id, *item.proofs):
        assert "\0" not in said
        said.encode()  # a database takes no half of a letter
        assert len(said) <= 5000
    assert all(item.proofs)
    assert item.occurred_at is None or 1990 <= item.occurred_at.year < 2100


@EACH
@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff\xfe\x00", b"\0", b"[1,", b"{'a': 1}", b"NaN garbage", b'"']
)
def test_what_is_no_json_is_refused(slug: str, body: bytes) -> None:
    if slug == "mailgun" and not body.startswith(b"{") and not body.startswith(b"["):
        assert read(slug, body).evidence == []  # may be a form, which says nothing
        return
    with pytest.raises(RefusedError):
        PROVIDERS[slug].read(body)


@EACH
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1000 + b"]" * 1000,
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
        b"[" * 2_000_000,
        b'["' + b"]" * 500 + b'", ' + b"[" * 400 + b"]" * 400 + b"]",
        b'["\\"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", ' + b"[" * 33 + b"]" * 33 + b"]",
    ],
)
def test_what_is_nested_too_deeply_is_refused(slug: str, body: bytes) -> None:
    with pytest.raises(RefusedError, match="deeply"):
        PROVIDERS[slug].read(body)


def test_brackets_in_texts_are_no_nesting() -> None:
    words = "[" * 500 + "{" * 500 + '\\"[['
    event = {"event": "bounce", "email": "a@x.example", "reason": words}
    assert PROVIDERS["sendgrid"].read(json.dumps([event]).encode()).evidence[0].reason == words[:1000]


@pytest.mark.parametrize("unit", [b'"', b'\\"', b'"\\', b"\\", b'["', b'{"a":"', b'"[', b"[]", b"{}", b'"",', b"]"])
def test_counting_brackets_takes_no_longer_for_odd_bodies(unit: bytes) -> None:
    body = unit * (2_000_000 // len(unit))
    begun = time.process_time()
    with pytest.raises(RefusedError):
        parse_json(body)
    assert time.process_time() - begun < 5


@BATCHES
@pytest.mark.parametrize(
    "odd", [7, None, True, "text", [], [[]], {}, {"event": []}, {"type": {}, "msys": 7}, {"msys": [{}]}, 1e308]
)
def test_an_odd_event_harms_no_other(slug: str, odd: Any) -> None:
    one = example(slug)
    expected = read(slug, json.dumps(one).encode()).evidence
    assert len(expected) == 1
    reading = read(slug, json.dumps([odd, one, odd]).encode())
    assert reading == Reading(expected, unknown=2)


@EACH
@pytest.mark.parametrize(
    "body", [b"7", b"null", b"true", b'"text"', b"[1, 2, 3]", b"[null]", b"[[]]", b"1e400", b"-0", b"NaN"]
)
def test_numbers_and_such_are_no_events(slug: str, body: bytes) -> None:
    reading = read(slug, body)
    assert reading.evidence == []
    assert reading.unknown != 0


def test_an_event_that_breaks_its_reader_harms_no_other() -> None:
    fine = Evidence(Kind.OTHER)

    def reader(event: dict[str, Any]) -> list[Evidence] | None:
        return [fine] if event["good"] else []

    assert read_each(b'[{"good": 1}, {}, {"good": 0}, {"good": 2}]', reader) == Reading([fine, fine], unknown=1)


@BATCHES
def test_an_empty_list_is_nothing(slug: str) -> None:
    assert PROVIDERS[slug].read(b"[]") == Reading()


def test_a_number_of_any_length_loses_nothing() -> None:
    body = b'[{"event": "spamreport", "email": "a@x.example", "timestamp": ' + b"9" * 10_000 + b"}]"
    assert [item.occurred_at for item in PROVIDERS["sendgrid"].read(body).evidence] == [None]


@BATCHES
def test_ten_thousand_events_are_read_in_a_moment(slug: str) -> None:
    many = json.dumps([example(slug)] * 10_000).encode()
    begun = time.process_time()
    reading = PROVIDERS[slug].read(many)
    assert (len(reading.evidence), reading.unknown) == (10_000, 0)
    assert time.process_time() - begun < 20


@EACH
def test_long_texts_are_cut(slug: str) -> None:
    def longer(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: longer(item) for name, item in value.items()}
        if isinstance(value, list):
            return [longer(item) for item in value]
        if isinstance(value, str) and ("@" in value or " " in value):
            return value + "é" * 9000
        return value

    one = example(slug)
    if slug == "ses":
        one = by_sns(longer(json.loads(one["Message"])))
    assert read(slug, json.dumps(longer(one) if slug != "ses" else one).encode()).evidence


ODD = [
    None,
    True,
    0,
    -1,
    1e400,
    10**400,
    "",
    "\0",
    "a\0b@x\0",
    "\ud800",
    "é" * 5000,
    [],
    {},
    [None],
    {"": None},
    [["a@x"]],
    "nan",
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where anything stands in a body."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        found += _places(item, (*path, step))
    return found


@EACH
def test_anything_may_stand_anywhere(slug: str) -> None:
    """Each value of a documented event in turn is something that it never should be, or is not there."""
    sample = example(slug)
    event = json.loads(sample["Message"]) if slug == "ses" else sample
    for path in _places(event):
        for odd in [*ODD, "missing"]:
            changed = deepcopy(event)
            parent = changed
            for step in path[:-1]:
                parent = parent[step]
            if odd == "missing":
                del parent[path[-1]]
            else:
                parent[path[-1]] = odd
            body = by_sns(changed) if slug == "ses" else changed
            read(slug, json.dumps(body).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@EACH
@settings(max_examples=60, deadline=None)
@given(value=JSON, raw=st.binary(max_size=60))
def test_whatever_comes_is_read_or_refused(slug: str, value: Any, raw: bytes) -> None:
    read(slug, json.dumps(value).encode())
    read(slug, raw)
    if slug == "ses":
        read(slug, json.dumps(by_sns(value)).encode())


@given(st.text(max_size=40))
def test_a_moment_is_read_or_is_none(written: str) -> None:
    found = moment(written)
    assert found is None or found.utcoffset() is not None


@pytest.mark.parametrize(
    "written", ["nan", "inf", "-inf", "1e300", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0", "-5"]
)
def test_a_moment_that_no_clock_shows_is_none(written: str) -> None:
    assert moment(written) is None
