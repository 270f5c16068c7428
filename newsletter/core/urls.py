"""Every public address of the service in one place; the web room serves them, mails and the command line print them."""

from newsletter.core.tokens import Signer

UNSUBSCRIBE = "unsubscribe"
PREFERENCES = "preferences"
CONFIRM = "confirm"
REVIEW = "review"
CLICK = "click"
OPEN = "open"
WHOSE = "whose"
SEAM = "~"  # between the two halves of a token: no mail program takes it for the end of an address
MEDIA_TYPES = {"image/jpeg": "jpg", "image/png": "png"}


class Links:
    """Builds absolute links from the public base address of the installation."""

    def __init__(self, site_url: str, signer: Signer) -> None:
        self.site_url = site_url.rstrip("/")
        self.signer = signer

    def home(self) -> str:
        return f"{self.site_url}/"

    def form(self, slug: str) -> str:
        return f"{self.site_url}/n/{slug}"

    def confirm(self, token: str) -> str:
        return f"{self.site_url}/confirm/{token}"

    def unsubscribe(self, subscription_id: int, issue_id: int = 0) -> str:
        """`issue_id` 0: the link does not come from an issue."""
        return f"{self.site_url}/u/{self.signer.sign(UNSUBSCRIBE, subscription_id, issue_id)}"

    def preferences(self, subscriber_id: int) -> str:
        return f"{self.site_url}/p/{self.signer.sign(PREFERENCES, subscriber_id)}"

    def archive(self, slug: str, number: int | None = None) -> str:
        return f"{self.site_url}/archive/{slug}" + (f"/{number}" if number is not None else "")

    def click(self, issue_id: int, number: int) -> str:
        """A link of an issue through us. Issue 0: for trying, it stands for nobody. `whose` may follow it."""
        return f"{self.site_url}/c/{self.signer.sign(CLICK, issue_id, number)}"

    def pixel(self, issue_id: int) -> str:
        """The picture that tells that a message of an issue was opened. `whose` may follow it."""
        return f"{self.site_url}/o/{self.signer.sign(OPEN, issue_id)}"

    def whose(self, delivery_id: int) -> str:
        """What says, behind a link or a pixel of a message, whose message it is: once signed, it serves all of them."""
        return f"{SEAM}{self.signer.sign(WHOSE, delivery_id)}"

    def media(self, key: str, content_type: str) -> str:
        """Address of a picture: it says what it holds, so it may be kept for ever."""
        return f"{self.site_url}/media/{key}.{MEDIA_TYPES[content_type]}"

    def review(self, issue_id: int, revision: int, approver: int) -> str:
        """What an approver decides by: `approver` is a number of theirs, see issues.approvals."""
        return f"{self.site_url}/review/{self.signer.sign(REVIEW, issue_id, revision, approver)}"

    def composer(self, issue_id: int) -> str:
        """The issue on the desk, for staff."""
        return f"{self.site_url}/admin/issues/{issue_id}"

    def webhook(self, provider: str, token: str) -> str:
        """Where a provider reports bounces and complaints to; as good as a password."""
        return f"{self.site_url}/hooks/{provider}/{token}"

    def password(self, token: str) -> str:
        return f"{self.site_url}/admin/password/{token}"

    def mailbox(self) -> str:
        return f"{self.site_url}/mailbox/"
