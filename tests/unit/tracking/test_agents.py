"""Programs by the names they give, networks by addresses: nothing of either that names a person."""

import pytest

from newsletter.tracking.agents import LONGEST, Sort, family_of, network_of, sort_of

NAMES = {
    "": ("nameless", Sort.OTHER),
    "Mozilla/5.0": ("apple-privacy", Sort.APPLE),
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)": ("gmail", Sort.PROXY),
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": ("yahoo-mail", Sort.PROXY),
    "Mozilla/5.0 (compatible; Mimecast URL Protect)": ("mimecast", Sort.SCANNER),
    "Proofpoint URL Defense": ("proofpoint", Sort.SCANNER),
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)": ("outlook", Sort.MAIL_PROGRAM),
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0": ("thunderbird", Sort.MAIL_PROGRAM),
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0": ("firefox", Sort.BROWSER),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36": (
        "chrome",
        Sort.BROWSER,
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Mobile/15E148 Safari/604.1": ("safari", Sort.BROWSER),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0": (
        "edge",
        Sort.BROWSER,
    ),
    "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80/191.308; U; fr) Presto/2.5.25 Version/10.54": ("opera", Sort.BROWSER),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": ("googlebot", Sort.ROBOT),
    "python-requests/2.32": ("python", Sort.ROBOT),
    "Something of my own": ("other", Sort.OTHER),
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items(), ids=[item[0] for item in NAMES.values()])
def test_a_program_is_known_by_the_name_it_gives(name: str, expected: tuple[str, Sort]) -> None:
    family = family_of(name)
    assert (family, sort_of(family)) == expected
    assert len(family) <= 24


def test_a_name_without_end_costs_no_more_than_others() -> None:
    assert family_of("x" * LONGEST + "curl/8") == "other"


def test_an_address_is_cut_to_its_network() -> None:
    assert network_of("203.0.113.77") == "203.0.113.0/24"
    assert network_of("2001:db8:aa:bb::77") == "2001:db8:aa::/48"
    assert network_of("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert network_of("no address") == network_of("") == ""
