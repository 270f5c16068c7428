"""Sentences about the message as it is written: what was found, and what to do.

Figures are filled in by `wording`, so nothing is formatted here: `%%` is one percent sign.
"""

from newsletter.core.i18n import gettext as _

Table = dict[str, tuple[str, str]]


def sentences() -> Table:
    """By key: what was found, and what to do; in the current language."""
    return {
        "active": (
            _("Script, forms or frames are in the message: %(count)s."),
            _("Take them out: mail programs remove them, and spam filters refuse the message for them."),
        ),
        "cannot_be_written": (
            _("The issue cannot be written: %(message)s"),
            _("Correct it, then check again."),
        ),
        "contrast_low": (
            _(
                "Text is hard to read: %(colour)s on %(background)s has a contrast of %(ratio)s, and %(least)s "
                "is the least."
            ),
            _("Choose a darker or a lighter colour."),
        ),
        "contrast_low_in_dark": (
            _(
                "Text is hard to read in a dark theme: %(colour)s on %(background)s has a contrast of "
                "%(ratio)s, and %(least)s is the least."
            ),
            _("Choose another colour in the dark styles."),
        ),
        "gmail_cuts": (
            _("The message has %(kilobytes)s kB of HTML; Gmail hides what comes after %(most)s kB."),
            _("Shorten %(shorten)s: fewer articles, or shorter summaries."),
        ),
        "gmail_nearly_cuts": (
            _("The message has %(kilobytes)s kB of HTML; Gmail hides what comes after %(most)s kB."),
            _("There is little room left. What takes most of it: %(shorten)s."),
        ),
        "language_missing": (
            _("The message does not say which language it is in."),
            _("Set the language of the newsletter, for those who have it read out."),
        ),
        "left_out_by": (
            _("%(feature)s: not shown by %(programs)s."),
            _("See that the message can do without it."),
        ),
        "no_way_out": (
            _("There is no link to unsubscribe in the message."),
            _("Put it back: the law and mailbox providers ask for it."),
        ),
        "no_way_out_in_text": (
            _("There is no link to unsubscribe in the text part."),
            _("Put it back: some readers see only the text."),
        ),
        "page_cut": (
            _("The message is so long or so nested that only its beginning was looked at."),
            _("Shorten it."),
        ),
        "positioned": (
            _("Parts that are placed by `position`: %(count)s."),
            _("Use tables: most mail programs ignore this, and parts cover each other."),
        ),
        "preheader_long": (
            _("The preview text has %(count)s characters; inboxes show %(most)s at most."),
            _("Put what matters first."),
        ),
        "preheader_missing": (
            _("There is no preview text: inboxes show the beginning of the message behind the subject."),
            _("Give the first articles a summary."),
        ),
        "preheader_repeats": (
            _("The preview text says what the subject says."),
            _("Say something else: it stands beside the subject."),
        ),
        "readers_without": (
            _("Readers for whom “%(name)s” stays empty: %(count)s."),
            _("Write what stands there for them behind a bar: {{ %(name)s | dear reader }}."),
        ),
        "slot_foreign": (
            _("Marks of another program, which stay as they are: %(count)s."),
            _("Take them out, or write {{ name }} in the subject or the introduction."),
        ),
        "slot_unknown": (
            _("Places for a reader’s own data that nothing fills: %(count)s."),
            _("Write them again, for example {{ name | dear reader }}."),
        ),
        "subject_capitals": (
            _("The subject is in capitals."),
            _("Write it in small letters: capitals look like spam."),
        ),
        "subject_controls": (
            _("The subject has control characters."),
            _("Type it again instead of pasting it."),
        ),
        "subject_empty": (
            _("The subject is empty."),
            _("Write one."),
        ),
        "subject_long": (
            _("The subject has %(count)s characters; many inboxes show %(most)s."),
            _("Put what matters first."),
        ),
        "subject_too_long": (
            _("The subject has %(count)s characters; inboxes show %(most)s at most."),
            _("Shorten it."),
        ),
        "text_differs": (
            _("The text part has only %(percent)s%% of the words of the HTML."),
            _("Let both say the same: spam filters compare them."),
        ),
        "text_missing": (
            _("There is no text part."),
            _("Add one: some readers and all spam filters read it."),
        ),
        "text_small": (
            _("Text of less than %(least)s pixels: %(count)s places, the smallest of %(size)s."),
            _("Make it larger: many read on a telephone."),
        ),
        "title_missing": (
            _("The message has no title."),
            _("Give it one, for those who have it read out."),
        ),
    }
