"""A browser without script: opens pages, fills in fields by their names, presses buttons by what they say."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar

TIMEOUT = 30  # seconds
HIDDEN = ("script", "style", "head", "kbd")


@dataclass
class Button:
    label: str
    name: str = ""
    value: str = ""


@dataclass
class Form:
    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)


class _Reader(HTMLParser):
    """Forms, links and visible words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self._named: dict[str, Form] = {}
        self._open: Form | None = None
        self._button: Button | None = None
        self._link: str | None = None
        self._hidden = 0
        self._area = self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._hidden += tag in HIDDEN
        form = self._form(given["form"]) if "form" in given else self._open
        match tag:
            case "form":
                self._open = self._form(given["id"]) if given.get("id") else self._new()
                self._open.action, self._open.method = given.get("action", ""), given.get("method", "get")
            case "input" if form and given.get("name"):
                if given.get("type") not in ("checkbox", "radio", "submit") or "checked" in given:
                    form.fields.append((given["name"], given.get("value", "")))
            case "textarea" if form and given.get("name"):
                self._area = given["name"]
                form.fields.append((self._area, ""))
            case "select":
                self._select = given.get("name", "")
            case "option" if form and self._select and "selected" in given:
                form.fields.append((self._select, given.get("value", "")))
            case "button" if form and given.get("type", "submit") == "submit":
                self._button = Button("", given.get("name", ""), given.get("value", ""))
                form.buttons.append(self._button)
            case "a" if "href" in given:
                self._link = given["href"]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in HIDDEN
        match tag:
            case "form":
                self._open = None
            case "button":
                self._button = None
            case "textarea":
                self._area = ""
            case "select":
                self._select = ""
            case "a":
                self._link = None

    def handle_data(self, data: str) -> None:
        if self._area and self._open:
            name, so_far = self._open.fields[-1]
            self._open.fields[-1] = (name, so_far + data.removeprefix("\n"))
        elif not self._hidden and data.strip():
            self.words.append(data)
            if self._button:
                self._button.label = " ".join(f"{self._button.label} {data}".split())
            if self._link is not None:
                self.links.setdefault(" ".join(data.split()), self._link)

    def _form(self, identifier: str) -> Form:
        """The form of this id; a button may stand before it."""
        if identifier not in self._named:
            self._named[identifier] = self._new()
        return self._named[identifier]

    def _new(self) -> Form:
        self.forms.append(Form())
        return self.forms[-1]


class Page:
    """An answer. `words` is what a person can read, blanks made plain."""

    def __init__(self, visitor: "Visitor", url: str, status: int, text: str, headers: http.client.HTTPMessage) -> None:
        self._visitor = visitor
        self._read = _Reader(text) if "html" in headers.get("Content-Type", "") else None
        self.url, self.status, self.text, self.headers = url, status, text, headers
        self.words = " ".join(" ".join(self._read.words).split()) if self._read else text

    def press(self, label: str, **values: str) -> "Page":
        """Fill in the fields and press the first button that says `label`; the page that follows."""
        for form in self._read.forms if self._read else ():
            for button in form.buttons:
                if button.label == label:
                    return self._visitor.send(self.url, form, button, values)
        buttons = [button.label for form in (self._read.forms if self._read else ()) for button in form.buttons]
        raise AssertionError(f"no button {label!r} on {self.url}, which has {buttons} and says: {self.words[:600]}")

    def follow(self, label: str) -> "Page":
        """Open the first link that says `label`."""
        links = self._read.links if self._read else {}
        assert label in links, f"no link {label!r} on {self.url}, which has {list(links)}"
        return self._visitor.open(urllib.parse.urljoin(self.url, links[label]))


class Visitor:
    """One person's browser: it keeps cookies, and asks for pages in a language."""

    def __init__(self, language: str = "fr") -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self._opener.addheaders = [("Accept-Language", language), ("User-Agent", "test browser")]

    def open(self, url: str) -> Page:
        return self._ask(urllib.request.Request(url))

    def post(self, url: str, **values: str) -> Page:
        """Send fields without a page, as a mailbox provider or a script does."""
        return self._ask(urllib.request.Request(url, urllib.parse.urlencode(values).encode()))

    def send(self, base: str, form: Form, button: Button, values: dict[str, str]) -> Page:
        fields = [(name, value) for name, value in form.fields if name not in values] + list(values.items())
        if button.name:
            fields.append((button.name, button.value))
        url, body = urllib.parse.urljoin(base, form.action), urllib.parse.urlencode(fields)
        if form.method.lower() == "post":
            return self._ask(urllib.request.Request(url, body.encode()))
        return self.open(f"{url}?{body}")

    def _ask(self, request: urllib.request.Request) -> Page:
        try:
            answer = self._opener.open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode("utf-8", "replace")
            return Page(self, answer.geturl(), answer.status or 0, text, answer.headers)
