"""A member of staff at a browser: fills in forms as they stand on the page, token included."""

import html
import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "quatre mots faciles retenus"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Staff:
    """A browser; `page` is the text of the last page, without entities."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.page = ""
        self._token = ""

    def get(self, path: str, **options: object) -> TestResponse:
        return self._look(self.client.get(path, follow_redirects=True, **options))  # type: ignore[arg-type]

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form with the token of the last page, and follow where it leads."""
        data = {"csrf_token": self._token} | fields
        return self._look(self.client.post(path, data=data, follow_redirects=True))

    def come_in(self, link: str, password: str = PASSWORD) -> "Staff":
        """Use a one-time link."""
        self.get(link)
        answer = self.post(link, password=password)
        assert answer.status_code == 200, self.page
        return self

    def sign_in(self, email: str, password: str = PASSWORD, following: str = "") -> TestResponse:
        self.get("/admin/sign-in")
        return self.post("/admin/sign-in", email=email, password=password, next=following)

    def cookie(self, name: str = "staff") -> str | None:
        """The value of a cookie, whatever its attributes."""
        found = self.client.get_cookie(name)
        return found.value if found else None

    def _look(self, answer: TestResponse) -> TestResponse:
        text = answer.get_data(as_text=True)
        if found := TOKEN.search(text):
            self._token = found[1]
        self.page = html.unescape(text)
        return answer
