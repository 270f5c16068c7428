"""What kind of program asked: one word for it, and from where, cut so that it names nobody.

Pure. Programs are known by what they call themselves; one that calls itself a browser and is none is known by what it
does, see `verdicts`.
"""

from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final

IPV4_BITS, IPV6_BITS = 24, 48


class Sort(StrEnum):
    """What a family of programs is, as far as it matters for who was at work."""

    BROWSER = "browser"
    MAIL_PROGRAM = "mail_program"  # loads pictures for its reader; a link that it fetches itself is only looked at
    PROXY = "proxy"  # of a mail service: fetches a picture when the reader opens the message
    APPLE = "apple"  # of Apple: fetches pictures whether or not anybody opens
    SCANNER = "scanner"  # of a filter that looks for what is dangerous
    ROBOT = "robot"  # crawlers, previews, tools
    OTHER = "other"


NAMELESS: Final = "nameless"
UNKNOWN: Final = "other"
APPLE: Final = "apple-privacy"

# The first one whose text stands in the name that a program gives wins. Texts in lower case.
_KNOWN: Final = (
    ("googleimageproxy", "gmail", Sort.PROXY),
    ("ggpht.com", "gmail", Sort.PROXY),
    ("yahoomailproxy", "yahoo-mail", Sort.PROXY),
    ("barracuda", "barracuda", Sort.SCANNER),
    ("mimecast", "mimecast", Sort.SCANNER),
    ("proofpoint", "proofpoint", Sort.SCANNER),
    ("urldefense", "proofpoint", Sort.SCANNER),
    ("safelinks", "safelinks", Sort.SCANNER),
    ("ironport", "cisco", Sort.SCANNER),
    ("ciscosecureemail", "cisco", Sort.SCANNER),
    ("trendmicro", "trend-micro", Sort.SCANNER),
    ("tmes", "trend-micro", Sort.SCANNER),
    ("fireeye", "trellix", Sort.SCANNER),
    ("trellix", "trellix", Sort.SCANNER),
    ("forcepoint", "forcepoint", Sort.SCANNER),
    ("fortimail", "fortinet", Sort.SCANNER),
    ("fortinet", "fortinet", Sort.SCANNER),
    ("fortiguard", "fortinet", Sort.SCANNER),
    ("sophos", "sophos", Sort.SCANNER),
    ("symantec", "symantec", Sort.SCANNER),
    ("messagelabs", "symantec", Sort.SCANNER),
    ("zscaler", "zscaler", Sort.SCANNER),
    ("vadesecure", "vade", Sort.SCANNER),
    ("spamassassin", "spamassassin", Sort.SCANNER),
    ("rspamd", "rspamd", Sort.SCANNER),
    ("cloudmark", "cloudmark", Sort.SCANNER),
    ("bitdefender", "bitdefender", Sort.SCANNER),
    ("checkpoint", "check-point", Sort.SCANNER),
    ("google-safety", "google-safety", Sort.SCANNER),
    ("google-safebrowsing", "google-safety", Sort.SCANNER),
    ("bingpreview", "bing", Sort.ROBOT),
    ("skypeuripreview", "teams", Sort.ROBOT),
    ("microsoftpreview", "teams", Sort.ROBOT),
    ("facebookexternalhit", "facebook", Sort.ROBOT),
    ("whatsapp", "whatsapp", Sort.ROBOT),
    ("telegrambot", "telegram", Sort.ROBOT),
    ("slackbot", "slack", Sort.ROBOT),
    ("slack-img", "slack", Sort.ROBOT),
    ("twitterbot", "twitter", Sort.ROBOT),
    ("linkedinbot", "linkedin", Sort.ROBOT),
    ("discordbot", "discord", Sort.ROBOT),
    ("googlebot", "googlebot", Sort.ROBOT),
    ("applebot", "applebot", Sort.ROBOT),
    ("bingbot", "bing", Sort.ROBOT),
    ("headlesschrome", "headless", Sort.ROBOT),
    ("phantomjs", "headless", Sort.ROBOT),
    ("curl/", "curl", Sort.ROBOT),
    ("wget/", "wget", Sort.ROBOT),
    ("python", "python", Sort.ROBOT),
    ("aiohttp", "python", Sort.ROBOT),
    ("httpx", "python", Sort.ROBOT),
    ("go-http-client", "go", Sort.ROBOT),
    ("okhttp", "java", Sort.ROBOT),
    ("apache-httpclient", "java", Sort.ROBOT),
    ("java/", "java", Sort.ROBOT),
    ("libwww-perl", "perl", Sort.ROBOT),
    ("node-fetch", "node", Sort.ROBOT),
    ("axios", "node", Sort.ROBOT),
    ("undici", "node", Sort.ROBOT),
    ("ruby", "ruby", Sort.ROBOT),
    ("guzzle", "php", Sort.ROBOT),
    ("bot/", "robot", Sort.ROBOT),
    ("bot;", "robot", Sort.ROBOT),
    ("+http", "robot", Sort.ROBOT),  # programs that say whom to complain to
    ("crawler", "robot", Sort.ROBOT),
    ("spider", "robot", Sort.ROBOT),
    ("scanner", "robot", Sort.ROBOT),
    ("link preview", "robot", Sort.ROBOT),
    ("thunderbird", "thunderbird", Sort.MAIL_PROGRAM),
    ("microsoft outlook", "outlook", Sort.MAIL_PROGRAM),
    ("microsoft office", "outlook", Sort.MAIL_PROGRAM),
    ("ms-office", "outlook", Sort.MAIL_PROGRAM),
    ("msoffice", "outlook", Sort.MAIL_PROGRAM),
    ("edg/", "edge", Sort.BROWSER),
    ("edga/", "edge", Sort.BROWSER),
    ("edgios/", "edge", Sort.BROWSER),
    ("opr/", "opera", Sort.BROWSER),
    ("opera", "opera", Sort.BROWSER),  # Opera Mini, too
    ("ucbrowser", "uc", Sort.BROWSER),
    ("samsungbrowser", "samsung", Sort.BROWSER),
    ("vivaldi", "vivaldi", Sort.BROWSER),
    ("fxios/", "firefox", Sort.BROWSER),
    ("firefox/", "firefox", Sort.BROWSER),
    ("crios/", "chrome", Sort.BROWSER),
    ("chromium/", "chrome", Sort.BROWSER),
    ("chrome/", "chrome", Sort.BROWSER),
    ("trident/", "explorer", Sort.BROWSER),
    ("msie ", "explorer", Sort.BROWSER),
    ("safari/", "safari", Sort.BROWSER),
    ("applewebkit/", "webview", Sort.BROWSER),  # a page inside a program, as mail programs on telephones show it
    ("nokia", "feature-phone", Sort.BROWSER),
    ("kaios", "feature-phone", Sort.BROWSER),
)
_SORTS: Final = {family: sort for _text, family, sort in _KNOWN} | {APPLE: Sort.APPLE}
LONGEST: Final = 1000  # characters that are looked at; a browser gives some hundred


def family_of(user_agent: str) -> str:
    """One word for the program that gives this name, 24 characters at most."""
    name = user_agent[:LONGEST].strip().lower()
    if not name:
        return NAMELESS
    if name == "mozilla/5.0":  # what Apple's relays say of themselves, and nobody else who means well
        return APPLE
    return next((family for text, family, _sort in _KNOWN if text in name), UNKNOWN)


def sort_of(family: str) -> Sort:
    return _SORTS.get(family, Sort.OTHER)


def network_of(address: str) -> str:
    """The network of an address: /24 of IPv4, /48 of IPv6; empty for what is none."""
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    return str(ip_network(f"{ip}/{IPV4_BITS if ip.version == 4 else IPV6_BITS}", strict=False))
