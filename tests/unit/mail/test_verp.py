"""Addresses that name a delivery and prove that we made them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.mail import verp

SECRET = b"0123456789abcdef0123456789abcdef"
DOMAIN = "bounces.zio.example"


@given(st.integers(0, 2**63 - 1))
def test_any_delivery_is_read_back_in_any_case(number: int) -> None:
    address = verp.envelope_sender(number, SECRET, DOMAIN)
    assert re.fullmatch(r"b\+[a-z0-9]{40}@bounces\.zio\.example", address)
    assert verp.parse(address, SECRET) == number
    assert verp.parse(f"<{address.upper()}>", SECRET) == number


def test_the_token_is_the_same_each_time_and_hides_the_number() -> None:
    first, second = (verp.envelope_sender(number, SECRET, DOMAIN) for number in (1, 2))
    assert first == verp.envelope_sender(1, SECRET, DOMAIN)
    assert sum(left == right for left, right in zip(first[2:42], second[2:42], strict=True)) < 12


def test_every_changed_character_makes_it_nobodys() -> None:
    address = verp.envelope_sender(12345, SECRET, DOMAIN)
    for at in range(2, 42):
        other = "a" if address[at] != "a" else "b"
        assert verp.parse(address[:at] + other + address[at + 1 :], SECRET) is None


def test_a_token_of_another_kind_or_key_is_not_accepted() -> None:
    unsubscribe = verp.unsubscribe_address(5, SECRET, DOMAIN)
    assert verp.parse_unsubscribe(unsubscribe, SECRET) == 5
    assert verp.parse(unsubscribe.replace("unsub+", "b+"), SECRET) is None
    assert verp.parse_transactional(verp.transactional_sender(5, SECRET, DOMAIN), SECRET) == 5
    assert verp.parse(verp.envelope_sender(5, b"another" * 5, DOMAIN), SECRET) is None


@pytest.mark.parametrize(
    "address",
    ["", "b+", "b@x", "b+@x", "b+é@x", "b+" + "1" * 40 + "@x", "b+" + "a" * 41 + "@x", "c+" + "a" * 40 + "@x"],
)
def test_what_is_no_token_is_nobody(address: str) -> None:
    assert verp.parse(address, SECRET) is None


def test_a_number_that_does_not_fit_is_a_defect() -> None:
    with pytest.raises(OverflowError):
        verp.envelope_sender(-1, SECRET, DOMAIN)
