"""Sentences about links and pictures, and about the message on its way: what was found, and what to do.

Figures are filled in by `wording`, so nothing is formatted here: `%%` is one percent sign.
"""

from newsletter.core.i18n import gettext as _

Table = dict[str, tuple[str, str]]


def sentences() -> Table:
    """By key: what was found, and what to do; in the current language."""
    return {
        "dkim_not_published": (
            _("Signing keys that are not in DNS as they sign: %(count)s."),
            _(
                "Publish the records that the page of the sending domain shows; until then mailbox providers "
                "distrust the message."
            ),
        ),
        "dns_silent": (
            _("The name servers did not answer: whether the signing keys are published is not known."),
            _("Check again later."),
        ),
        "lab_block": (
            _("The header has %(kilobytes)s kB, and %(most)s kB are the most."),
            _("Shorten the subject and the names of the newsletter."),
        ),
        "lab_changed": (
            _("The message did not arrive as it was sent."),
            _("Tell whoever runs the service: signatures break this way."),
        ),
        "lab_closed": (
            _("The message could not be tried on this machine."),
            _("Check again later; nothing is wrong with the issue for it."),
        ),
        "lab_leaves_openly": (
            _("The address to unsubscribe at does not begin with https."),
            _("Set NEWSLETTER_BASE_URL to an https address: Gmail and Yahoo show their button only then."),
        ),
        "lab_lines": (
            _("The message has lines that mail must not have."),
            _("Tell whoever runs the service."),
        ),
        "lab_lost": (
            _("The message did not arrive."),
            _("Check again; then tell whoever runs the service."),
        ),
        "lab_never": (
            _("The header has fields that only other servers may write: %(count)s."),
            _("Tell whoever runs the service."),
        ),
        "lab_no_one_click": (
            _("Readers cannot unsubscribe with one click: the header does not say how."),
            _("Tell whoever runs the service: Gmail and Yahoo refuse mail to many without it."),
        ),
        "lab_not_aligned": (
            _("Sender, signature and envelope are not all of %(domain)s."),
            _("Check the sender address and the sending domain of the newsletter."),
        ),
        "lab_not_once": (
            _("Header fields that are missing or there twice: %(count)s."),
            _("Tell whoever runs the service."),
        ),
        "lab_not_signed": (
            _("The message is not signed."),
            _("Make the keys of the sending domain, unless your relay signs."),
        ),
        "lab_one_click_unsigned": (
            _("No valid signature covers the fields for unsubscribing with one click."),
            _("Tell whoever runs the service: mailbox providers then show no button."),
        ),
        "lab_parts": (
            _("The message is not a text with the HTML behind it."),
            _("Tell whoever runs the service."),
        ),
        "lab_refused": (
            _("A mail server refused the message."),
            _("Read what it says, and correct the issue."),
        ),
        "lab_signature": (
            _("Signatures that are not valid when the message arrives: %(count)s."),
            _("Tell whoever runs the service: mailbox providers refuse such mail."),
        ),
        "lab_unsigned_field": (
            _("Header fields that the signature does not cover: %(count)s."),
            _("Tell whoever runs the service."),
        ),
        "leave_failing": (
            _("The service answers status %(status)s to a one-click unsubscribe."),
            _("Look at whether the site runs; readers must be able to leave."),
        ),
        "leave_redirects": (
            _(
                "The service redirects (status %(status)s) a one-click unsubscribe, and mailbox providers do "
                "not follow."
            ),
            _("Set NEWSLETTER_BASE_URL to the address that answers by itself, with https and without a redirect."),
        ),
        "leave_refused": (
            _("The service refuses a one-click unsubscribe: status %(status)s."),
            _("Look at whether NEWSLETTER_BASE_URL is this site, and whether a proxy or a firewall keeps POST away."),
        ),
        "leave_unreached": (
            _("The service could not be reached to try unsubscribing: %(problem)s"),
            _("Try the link of a proof from a telephone."),
        ),
        "link_empty": (
            _("Links that lead nowhere: %(count)s."),
            _("Give each an address, or take it out."),
        ),
        "link_failing": (
            _("Links whose site answers with an error: %(count)s."),
            _("Open them, and correct those that fail."),
        ),
        "link_gone": (
            _("Links to pages that do not exist: %(count)s."),
            _("Correct their addresses."),
        ),
        "link_http": (
            _("Links without https: %(count)s."),
            _("Write https where the site has it."),
        ),
        "link_not_told": (
            _("Links whose site does not answer programs: %(count)s."),
            _("Open them yourself."),
        ),
        "link_relative": (
            _("Links without a site: %(count)s."),
            _("Write the whole address, from https:// on."),
        ),
        "link_script": (
            _("Links that run a script: %(count)s."),
            _("Take them out: such a message is refused."),
        ),
        "link_shortened": (
            _("Links that hide behind a shortener: %(count)s."),
            _("Write the address itself: spam filters distrust the others."),
        ),
        "link_shown_otherwise": (
            _("Links that show one site and lead to another: %(count)s."),
            _("Show where they lead: this is how frauds look."),
        ),
        "link_silent": (
            _("Links without a text: %(count)s."),
            _("Say where they lead, for those who have the message read out."),
        ),
        "link_unreached": (
            _("Links whose site cannot be reached: %(count)s."),
            _("Check their addresses."),
        ),
        "no_audience": (
            _("Nobody would get it. %(message)s"),
            _("Choose who gets it on the page of the issue."),
        ),
        "no_spam_filter": (
            _("No spam filter is installed here, so none was asked."),
            _("With SpamAssassin or rspamd beside the service, its score is shown."),
        ),
        "not_asked": (
            _("Addresses for which the %(seconds)s seconds were not enough: %(count)s."),
            _("Check again, or open them yourself."),
        ),
        "picture_failing": (
            _("Pictures whose site answers with an error: %(count)s."),
            _("Choose other ones, or put them up again."),
        ),
        "picture_gone": (
            _("Pictures that do not exist: %(count)s."),
            _("Choose other ones."),
        ),
        "picture_heavy": (
            _("Pictures of more than %(most)s kB: %(count)s, the heaviest of %(kilobytes)s kB."),
            _("Make them smaller: readers on the road wait for them."),
        ),
        "picture_http": (
            _("Pictures without https: %(count)s."),
            _("Write https: many programs do not show the others."),
        ),
        "picture_inside": (
            _("Pictures inside the HTML: %(count)s."),
            _("Put them on the web: Gmail does not show these."),
        ),
        "picture_no_alt": (
            _("Pictures without a description: %(count)s."),
            _("Say what they show, or that they are decoration (an empty alt)."),
        ),
        "picture_no_picture": (
            _("Addresses of pictures that hold something else: %(count)s."),
            _("Choose other ones."),
        ),
        "picture_no_size": (
            _("Pictures without width and height: %(count)s."),
            _("Give both, so that the page does not jump while it loads."),
        ),
        "picture_not_told": (
            _("Pictures whose site does not answer programs: %(count)s."),
            _("Look at a proof: mailbox providers fetch pictures by programs too."),
        ),
        "picture_nowhere": (
            _("Pictures without a site: %(count)s."),
            _("Write the whole address, from https:// on."),
        ),
        "picture_unreached": (
            _("Pictures whose site cannot be reached: %(count)s."),
            _("Check their addresses."),
        ),
        "pictures_heavy": (
            _("All pictures together weigh %(kilobytes)s kB, and %(most)s kB are a lot."),
            _("Make them smaller, or leave some out."),
        ),
        "spam_score": (
            _("%(filter)s gives it %(points)s points; from %(limit)s on it is spam."),
            _("Look at what weighs most."),
        ),
    }
