"""What the figures of a recipients' domain mean there and what to do, in words of the current language."""

import re

from newsletter.core.i18n import NO_BREAK, current_locale, format_number
from newsletter.core.i18n import gettext as _
from newsletter.delivery.ladder import Why
from newsletter.delivery.providers import provider_of
from newsletter.delivery.reputation import CEILING, Fault, Opinion, Verdict

CODE = "reputation"
_REASON = re.compile(rf"{CODE} (\w+) (\d+)/(\d+)")


def reason(opinion: Opinion) -> str:
    """Why a lane is paused, as it is kept; `lane_reason` says it in words."""
    return f"{CODE} {opinion.fault} {opinion.count}/{opinion.of}"


def lane_reason(reply: str) -> str:
    """What is kept with a paused lane, in words: ours translated, a server's as it is."""
    found = _REASON.fullmatch(reply)
    if found is None or found[1] not in set(Fault):
        return reply
    return happened(Opinion(Verdict.STOP, Fault(found[1]), int(found[2]), int(found[3])))


def verdict_name(verdict: Verdict) -> str:
    return {
        Verdict.FINE: _("Fine"),
        Verdict.WATCH: _("To watch"),
        Verdict.SLOW_DOWN: _("Slowed down"),
        Verdict.STOP: _("Stopped"),
    }[verdict]


def provider_name(provider: str) -> str:
    """Who runs the mailboxes."""
    return {
        "gmail": "Gmail",
        "yahoo": "Yahoo, AOL",
        "microsoft": "Microsoft (Outlook, Hotmail, Live)",
        "orange": "Orange, Wanadoo",
        "sfr": "SFR",
        "free": "Free",
        "laposte": "La Poste",
    }.get(provider, _("Other providers"))


def wait_name(bucket: str) -> str:
    """How long messages took."""
    return {
        "under_1m": _("under 1 minute"),
        "under_5m": _("1 to 5 minutes"),
        "under_30m": _("5 to 30 minutes"),
        "under_4h": _("30 minutes to 4 hours"),
        "longer": _("more than 4 hours"),
    }[bucket]


def happened(opinion: Opinion) -> str:
    """What was counted, in one sentence."""
    figures = {"count": format_number(opinion.count), "of": format_number(opinion.of), "share": share(opinion.share)}
    match opinion.fault:
        case Fault.COMPLAINTS:
            return _("%(count)s of %(of)s readers have called it spam lately: %(share)s.", **figures)
        case Fault.HARD:
            return _("%(count)s of %(of)s messages went to addresses that do not exist lately: %(share)s.", **figures)
        case Fault.CONTENT:
            return _("The content of %(count)s of %(of)s messages was refused lately: %(share)s.", **figures)
        case Fault.SENDER:
            return _("%(count)s of %(of)s messages were refused for who sends them lately: %(share)s.", **figures)
        case Fault.DEFERRED:
            return _("%(count)s of %(of)s attempts were put off lately: %(share)s.", **figures)
    return _("Nothing calls for anything.")


def meaning(fault: Fault, provider: str) -> str:
    """What that leads to at this provider."""
    if fault is Fault.COMPLAINTS:
        limit, ceiling = share(0.001), share(CEILING.share)
        if provider in ("gmail", "yahoo"):
            return _(
                "%(provider)s asks for less than %(limit)s, and never %(ceiling)s: above it, mail goes to the spam "
                "folder or is refused, for weeks.",
                provider=provider_name(provider),
                limit=limit,
                ceiling=ceiling,
            )
        return _("Above %(ceiling)s providers put mail into the spam folder, for weeks.", ceiling=ceiling)
    if fault is Fault.HARD:
        return _("A list with many dead addresses looks bought or old, and the readers who exist pay for it.")
    if fault is Fault.CONTENT:
        return _("A filter knows something in the issue: a link, a picture, or words.")
    if fault is Fault.SENDER:
        if provider in ("gmail", "yahoo", "microsoft"):
            return _(
                "%(provider)s refuses senders without SPF, DKIM and an aligned DMARC, and addresses of a bad name.",
                provider=provider_name(provider),
            )
        return _("The sending address or the domain is on a list, or its DNS records do not fit.")
    return _("The provider takes less than what is sent: that is how it treats senders it does not know well yet.")


def to_do(fault: Fault, provider: str) -> list[str]:
    """What helps, the most useful first."""
    steps = {
        Fault.COMPLAINTS: [
            _("Ask whether these readers have asked for this newsletter, and leave out those who never click."),
            _("Send less often, and keep the unsubscribe link where it is seen."),
        ],
        Fault.HARD: [
            _("Clean the list: look at where these addresses come from, and remove the import they came with."),
        ],
        Fault.CONTENT: [
            _("Look at the links of the last issue, shortened ones first, and send a proof to an address there."),
        ],
        Fault.SENDER: [
            _("Mend what the page Sending domain marks, above all SPF, DKIM, DMARC and the reverse DNS of the relay."),
        ],
        Fault.DEFERRED: [
            _("Let it be slower: a limit for this domain, or a warm-up of the relay."),
        ],
    }[fault]
    return [*steps, postmaster(provider)]


def postmaster(provider: str) -> str:
    """Where the provider tells senders what it thinks of them, and where to ask."""
    return {
        "gmail": _("Register the domain with Google Postmaster Tools (postmaster.google.com): spam rate, errors."),
        "yahoo": _("Register the domain with the Yahoo Sender Hub (senders.yahooinc.com) for its complaint reports."),
        "microsoft": _("Register the address with SNDS and JMRP (sendersupport.olc.protection.outlook.com)."),
        "orange": _("Read the page Postmaster of Orange (postmaster.orange.fr); Signal Spam brings its complaints."),
        "sfr": _("Signal Spam (signal-spam.fr) brings the complaints of SFR, and the way to its postmaster."),
        "free": _("Read postmaster.free.fr: Free takes few connections at a time and says why it refuses."),
        "laposte": _("Read the postmaster page of La Poste; Signal Spam (signal-spam.fr) brings its complaints."),
    }.get(provider, _("Write to the postmaster of the domain with one of its replies, and ask what limits it sets."))


def of_domain(domain: str, opinion: Opinion) -> list[str]:
    """What happened, what it means there, and what to do, as sentences; none where nothing did."""
    if opinion.fault is None:
        return []
    provider = provider_of(domain)
    return [happened(opinion), meaning(opinion.fault, provider), *to_do(opinion.fault, provider)]


def change_reason(why: str) -> str:
    """Why a warm-up goes as it does."""
    return {
        Why.GOOD.value: _("a good day"),
        Why.UNUSED.value: _("too little was sent to learn from"),
        Why.DOUBTFUL.value: _("a doubtful day: half a step"),
        Why.BAD.value: _("a bad day: it stays"),
        Why.COMPLAINTS.value: _("too many complaints: two steps back"),
        "by_hand": _("set by hand"),
        "held": _("held by hand"),
        "let_go": _("let go by hand"),
    }.get(why, why)


def share(part: float) -> str:
    """`0,12 %`: two decimals where complaints are counted, one above a hundredth."""
    text = f"{part * 100:.2f}" if part < 0.01 else f"{part * 100:.1f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text.replace('.', ',')}{NO_BREAK}%" if current_locale() == "fr" else f"{text}%"
