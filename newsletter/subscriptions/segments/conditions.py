"""What there is to know of each condition without a database: what it compares with, how it is called, said, chosen and
refused. One class for each; what a condition means to the database is its entry in `sql`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Final

from newsletter.core.i18n import LOCALES, format_date, ngettext
from newsletter.core.i18n import gettext as _
from newsletter.newsletters.editions import Edition, edition_names
from newsletter.subscriptions.segments.rule import Condition, Field, Kind, Op, Way

Choices = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Names:
    """What a newsletter has that a rule may ask about: names by id, `issues` from the room that knows issues, and
    whether it is known who `clicks`.
    """

    topics: Mapping[int, str] = field(default_factory=dict)
    cadences: Mapping[int, str] = field(default_factory=dict)
    issues: Mapping[int, str] = field(default_factory=dict)
    clicks: bool = False

    def of(self, asked: Field) -> Mapping[int, str]:
        return {Field.TOPIC: self.topics, Field.CADENCE: self.cadences, Field.ISSUE: self.issues}.get(asked, {})


class Asked:
    """One condition. `takes`: each way to compare, with what it compares with; `named`: it says of what, which is the
    name of an attribute.
    """

    field: ClassVar[Field]
    takes: ClassVar[Mapping[Op, Kind]]
    named: ClassVar[bool] = False

    def label(self) -> str:
        """What it is called where it stands in a rule."""
        raise NotImplementedError

    def offered(self) -> list[tuple[Op, str]]:
        """As what it can be added."""
        return [(next(iter(self.takes)), self.label())]

    def said(self, item: Condition, known: Names) -> str:
        """The condition as part of a sentence about a reader."""
        raise NotImplementedError

    def op(self, op: Op) -> str:
        """How it compares, for a list of choices."""
        return {
            Op.IS: _("is"),
            Op.ENDS: _("ends with"),
            Op.CONTAINS: _("contains"),
            Op.THERE: _("is there"),
            Op.SENT: _("was sent"),
            Op.WITHIN: _("in the last"),
            Op.NOT_WITHIN: _("not in the last"),
        }[op]

    def unit(self) -> str:
        """What stands behind a number of days."""
        return _("days")

    def choices(self, known: Names) -> Choices | None:
        """What there is to choose from; None: it is typed."""
        return None

    def lacking(self, known: Names) -> str:
        """Why this newsletter cannot be asked this; empty: it can."""
        return ""

    def refusal(self, item: Condition, known: Names) -> str:
        """Why this newsletter cannot be asked just that; empty: it can."""
        return self.lacking(known)


class _Listed(Asked):
    """What is compared with a thing of the newsletter that has a name."""

    takes: ClassVar[Mapping[Op, Kind]] = {Op.IS: Kind.ID}

    def gone(self) -> str:
        """The words for one that the newsletter does not have."""
        raise NotImplementedError

    def refusal(self, item: Condition, known: Names) -> str:
        return "" if item.value in known.of(self.field) else self.gone()

    def choices(self, known: Names) -> Choices | None:
        return [("", _("Choose one")), *((str(number), name) for number, name in known.of(self.field).items())]

    def name(self, item: Condition, known: Names) -> str:
        return known.of(self.field).get(int(item.value)) or _("(gone: %(number)s)", number=item.value)


class _Domain(Asked):
    field = Field.DOMAIN
    takes: ClassVar[Mapping[Op, Kind]] = {Op.IS: Kind.DOMAIN, Op.ENDS: Kind.DOMAIN}

    def label(self) -> str:
        return _("Domain of the address")

    def said(self, item: Condition, known: Names) -> str:
        if item.op is Op.ENDS:
            return _("has an address whose domain ends with “%(domain)s”", domain=item.value)
        return _("has an address at %(domain)s", domain=item.value)


class _Language(Asked):
    field = Field.LANGUAGE
    takes: ClassVar[Mapping[Op, Kind]] = {Op.IS: Kind.LANGUAGE}
    words: ClassVar[Mapping[str, str]] = {"fr": "français", "en": "English"}

    def label(self) -> str:
        return _("Language")

    def said(self, item: Condition, known: Names) -> str:
        return _("reads in %(language)s", language=self.words[str(item.value)])

    def choices(self, known: Names) -> Choices | None:
        return [(code, self.words.get(code, code)) for code in LOCALES]


class _Topic(_Listed):
    field = Field.TOPIC

    def label(self) -> str:
        return _("Topic")

    def said(self, item: Condition, known: Names) -> str:
        return _("gets the topic “%(topic)s”", topic=self.name(item, known))

    def gone(self) -> str:
        return _("The rule asks for a topic that this newsletter does not have any more.")


class _Cadence(_Listed):
    field = Field.CADENCE

    def label(self) -> str:
        return _("Rhythm")

    def said(self, item: Condition, known: Names) -> str:
        return _("is on the rhythm “%(cadence)s”", cadence=self.name(item, known))

    def gone(self) -> str:
        return _("The rule asks for a rhythm that this newsletter does not have any more.")


class _Edition(Asked):
    field = Field.EDITION
    takes: ClassVar[Mapping[Op, Kind]] = {Op.IS: Kind.EDITION}

    def label(self) -> str:
        return _("Edition")

    def said(self, item: Condition, known: Names) -> str:
        return _("has chosen the edition “%(edition)s”", edition=edition_names()[Edition(str(item.value))])

    def choices(self, known: Names) -> Choices | None:
        return [(item.value, words) for item, words in edition_names().items()]


class _Joined(Asked):
    field = Field.JOINED
    takes: ClassVar[Mapping[Op, Kind]] = {Op.WITHIN: Kind.DAYS, Op.SINCE: Kind.DATE, Op.BEFORE: Kind.DATE}

    def label(self) -> str:
        return _("Day they joined")

    def offered(self) -> list[tuple[Op, str]]:
        return [
            (Op.WITHIN, _("Joined less than so many days ago")),
            (Op.SINCE, _("Joined before or since a day")),
        ]

    def said(self, item: Condition, known: Names) -> str:
        if item.op is Op.WITHIN:
            return ngettext(
                "joined the newsletter less than %(num)s day ago",
                "joined the newsletter less than %(num)s days ago",
                int(item.value),
            )
        day = format_date(date.fromisoformat(str(item.value)), style="long")
        if item.op is Op.SINCE:
            return _("joined the newsletter on %(day)s or later", day=day)
        return _("joined the newsletter before %(day)s", day=day)

    def op(self, op: Op) -> str:
        return {Op.WITHIN: _("less than"), Op.SINCE: _("on this day or later"), Op.BEFORE: _("before")}[op]

    def unit(self) -> str:
        return _("days ago")


class _CameBy(Asked):
    field = Field.CAME_BY
    takes: ClassVar[Mapping[Op, Kind]] = {Op.IS: Kind.WAY}

    def label(self) -> str:
        return _("How they joined")

    def said(self, item: Condition, known: Names) -> str:
        return {
            Way.FORM: _("joined by the form"),
            Way.IMPORT: _("came in by a file"),
            Way.STAFF: _("was added by staff"),
        }[Way(str(item.value))]

    def choices(self, known: Names) -> Choices | None:
        return [
            (Way.FORM.value, _("by the form")),
            (Way.IMPORT.value, _("by a file")),
            (Way.STAFF.value, _("by staff")),
        ]


class _Attribute(Asked):
    field = Field.ATTRIBUTE
    takes: ClassVar[Mapping[Op, Kind]] = {Op.IS: Kind.TEXT, Op.CONTAINS: Kind.TEXT, Op.THERE: Kind.NOTHING}
    named = True

    def label(self) -> str:
        return _("Attribute from a file")

    def offered(self) -> list[tuple[Op, str]]:
        return [(Op.IS, _("Attribute from a file: its text")), (Op.THERE, _("Attribute from a file: is there"))]

    def said(self, item: Condition, known: Names) -> str:
        match item.op:
            case Op.THERE:
                return _("has an attribute “%(name)s”", name=item.name)
            case Op.CONTAINS:
                return _("has “%(text)s” in the attribute “%(name)s”", name=item.name, text=item.value)
        return _("has the attribute “%(name)s” equal to “%(text)s”", name=item.name, text=item.value)


class _Issue(_Listed):
    field = Field.ISSUE
    takes: ClassVar[Mapping[Op, Kind]] = {Op.SENT: Kind.ID}

    def label(self) -> str:
        return _("Issue they were sent")

    def said(self, item: Condition, known: Names) -> str:
        return _("was sent %(issue)s", issue=self.name(item, known))

    def gone(self) -> str:
        return _("The rule asks for an issue that this newsletter does not have.")


class _NothingSent(Asked):
    field = Field.NOTHING_SENT
    takes: ClassVar[Mapping[Op, Kind]] = {Op.WITHIN: Kind.DAYS}

    def label(self) -> str:
        return _("Nothing was sent to them of late")

    def said(self, item: Condition, known: Names) -> str:
        return ngettext(
            "was sent nothing in the last %(num)s day", "was sent nothing in the last %(num)s days", int(item.value)
        )


class _Bounced(Asked):
    field = Field.BOUNCED
    takes: ClassVar[Mapping[Op, Kind]] = {Op.WITHIN: Kind.DAYS}

    def label(self) -> str:
        return _("Mail came back of late")

    def said(self, item: Condition, known: Names) -> str:
        return ngettext(
            "has had mail come back in the last %(num)s day",
            "has had mail come back in the last %(num)s days",
            int(item.value),
        )


class _Clicked(Asked):
    """Of a newsletter that does not keep who clicks nobody is known to: “did not click” would be all its readers."""

    field = Field.CLICKED
    takes: ClassVar[Mapping[Op, Kind]] = {Op.WITHIN: Kind.CLICK_DAYS, Op.NOT_WITHIN: Kind.CLICK_DAYS}

    def label(self) -> str:
        return _("Clicked a link")

    def offered(self) -> list[tuple[Op, str]]:
        return [(Op.WITHIN, _("Clicked a link of late")), (Op.NOT_WITHIN, _("Clicked no link of late"))]

    def said(self, item: Condition, known: Names) -> str:
        if item.op is Op.NOT_WITHIN:
            return ngettext(
                "clicked no link in the last %(num)s day", "clicked no link in the last %(num)s days", int(item.value)
            )
        return ngettext(
            "clicked a link in the last %(num)s day", "clicked a link in the last %(num)s days", int(item.value)
        )

    def lacking(self, known: Names) -> str:
        if known.clicks:
            return ""
        return _("This newsletter does not measure who clicks. It can from now on: Settings, Measuring.")


# In the order in which they are offered.
CONDITIONS: Final[Mapping[Field, Asked]] = {
    asked.field: asked
    for asked in (
        _Domain(),
        _Language(),
        _Topic(),
        _Cadence(),
        _Edition(),
        _Joined(),
        _CameBy(),
        _Attribute(),
        _Issue(),
        _Clicked(),
        _NothingSent(),
        _Bounced(),
    )
}


def kind_of(asked: Field, op: Op) -> Kind:
    """What a condition compares with."""
    return CONDITIONS[asked].takes[op]
