"""What was found about a sender's domain, in plain words: what is wrong, what comes of it, what to do."""

from typing import Any

from newsletter.core.i18n import gettext as _
from newsletter.newsletters.examining import Finding

VALUES = ("address", "count", "detail", "hosts", "location", "missing", "mode", "policy", "provider", "tags", "wrong")


def in_words(finding: Finding) -> str:
    """One or two sentences; the record to publish is beside them."""
    return _sentences({"name": finding.name} | finding.params)[finding.key]


def _sentences(given: dict[str, Any]) -> dict[str, str]:
    p = dict.fromkeys(VALUES, "") | given
    return {
        "no_answer": _("The name servers do not answer from here, so nothing could be checked."),
        "unanswered": _("No name server has answered for %(name)s. Check again later.", **p),
        "dkim_published": _("The new key is published. It can sign now.")
        if p.get("waiting")
        else _("The signing key is published."),
        "dkim_missing": _(
            "The signing key is not published: receivers cannot tell that the mail is yours. Publish this record.", **p
        ),
        "dkim_other": _("Another key stands at this name: every signature fails. Put this record in its place."),
        "dkim_revoked": _("The key at this name was revoked (an empty p=). Put this record in its place."),
        "dkim_broken": _(
            "What stands at this name cannot be read: look for quotes, blanks or a missing part. Publish it anew."
        ),
        "dkim_removable": _("This key signs no more since over a week: its record can be taken out."),
        "spf_missing": _(
            "SPF is missing for the domain of bounces, and large providers ask for it. Publish this record."
        ),
        "spf_several": _("There are %(count)s SPF records, and more than one counts as none. Keep this one.", **p),
        "spf_wrong": _("The SPF record has parts that no server understands: %(wrong)s. Take them out.", **p),
        "spf_include_missing": _(
            "The SPF record includes names that have none: %(missing)s. That makes all of it fail. Take them out.", **p
        ),
        "spf_too_many": _(
            "Reading the SPF record takes %(count)s questions; servers give up after ten. Take out what is not used.",
            **p,
        ),
        "spf_many": _("Reading the SPF record takes %(count)s of the ten questions allowed. Add no more.", **p),
        "spf_everybody": _("The SPF record lets everybody send in your name (+all). Put this one in its place."),
        "spf_no_end": _("The SPF record has no end, so it forbids nobody anything. Put this one in its place."),
        "spf_provider": _(
            "The SPF record does not name %(provider)s, through which your mail leaves. Put this one in its place.", **p
        ),
        "spf_fine": _("SPF is right; it takes %(count)s of ten questions.", **p),
        "mx_missing": _(
            "Nobody takes the mail for this name: bounces and mails that unsubscribe are lost. Publish this record."
        ),
        "mx_refused": _("This name says that it takes no mail, so bounces are lost. Put this record in its place."),
        "mx_dead": _("The host that should take bounces has no address: %(hosts)s.", **p),
        "mx_alias": _("%(hosts)s is only another name for a host (CNAME), which some servers do not follow.", **p),
        "mx_fine": _("Bounces go to %(hosts)s.", **p),
        "dmarc_missing": _(
            "DMARC is missing. Gmail, Yahoo and Microsoft refuse newsletters without it. Publish this record."
        ),
        "dmarc_several": _("There are several DMARC records, and more than one counts as none. Keep this one."),
        "dmarc_gone": _("DMARC no longer knows %(tags)s. It does no harm; this record does without.", **p),
        "dmarc_strange": _("DMARC does not know %(tags)s: a slip, perhaps.", **p),
        "dmarc_strict": _(
            "DMARC asks for the very same domain in SPF (aspf=s); that of bounces is another. DKIM alone decides then."
        ),
        "dmarc_no_reports": _(
            "Nobody gets the reports that tell who sends in your name. With this record they come here."
        ),
        "dmarc_elsewhere": _(
            "Reports should go to %(address)s, whose domain has not agreed to that: most providers will send none.", **p
        ),
        "dmarc_none": _(
            "DMARC only watches so far. When the reports show no mail of yours that fails, go on to this record."
        ),
        "dmarc_fine": _("DMARC protects your name (p=%(policy)s).", **p),
        "not_aligned": _(
            "The domain of bounces counts as somebody else’s, so SPF does not speak for you. DKIM alone decides then."
        ),
        "relay_local": _("The relay stands on this machine or beside it."),
        "relay_plain": _(
            "Mail and password go to the relay unprotected. Begin NEWSLETTER_SMTP_URL with smtps:// or smtp+starttls://."
        ),
        "relay_open": _("Nobody signs in at the relay. Most providers ask for a user and a password."),
        "relay_safe": _("The connection to the relay is protected, and we sign in."),
        "ptr": _(
            "The address of the relay does not lead back to its name (%(name)s). Ask whoever runs it for a PTR record.",
            **p,
        ),
        "sts_no_policy": _("MTA-STS is announced, but its policy cannot be read: %(detail)s", **p),
        "sts_unreadable": _("The policy of MTA-STS cannot be understood. It needs version, mode, mx and max_age."),
        "sts_no_mx": _("The policy of MTA-STS names no host: nobody may deliver bounces."),
        "sts_uncovered": _("The policy of MTA-STS leaves out %(detail)s: bounces are refused there.", **p),
        "sts_fine": _("MTA-STS is right (%(mode)s).", **p),
        "tls_no_reports": _("Nobody is told when a delivery fails for MTA-STS. With this record it comes here."),
        "bimi_too_early": _("The picture beside your mail (BIMI) is shown only with DMARC at quarantine or reject."),
        "bimi_picture": _("The picture of BIMI has to be an SVG at an https address, which %(location)s is not.", **p),
        "bimi_fine": _("The picture beside your mail (BIMI) is published."),
    }
