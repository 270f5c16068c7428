"""Every kind of transactional mail and who writes it."""

from functools import lru_cache

from newsletter.core.installation import Installation
from newsletter.delivery.transactional import Writer
from newsletter.feedback import replying
from newsletter.feedback.replying import ReplyMails
from newsletter.issues import letters
from newsletter.issues.letters import ReviewMails
from newsletter.staff import invitations
from newsletter.staff.mails import StaffMails
from newsletter.subscriptions import mails
from newsletter.subscriptions.mails import SubscriptionMails


@lru_cache(maxsize=1)
def writers(installation: Installation) -> dict[str, Writer]:
    """Kind to writer; a kind that is missing here is found by a test."""
    subscription = SubscriptionMails(installation)
    review = ReviewMails(installation)
    staff = StaffMails(installation)
    return {
        mails.CONFIRM: subscription.confirm,
        mails.ALREADY_SUBSCRIBED: subscription.already_subscribed,
        mails.COME_BACK: subscription.come_back,
        invitations.INVITATION: staff.link,
        invitations.PASSWORD: staff.link,
        letters.PROOF: review.proof,
        letters.ISSUE_NOTICE: review.notice,
        letters.TEST: review.test,
        replying.READER_REPLY: ReplyMails(installation).reader_reply,
    }
