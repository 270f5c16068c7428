"""The whole metadata: importing this module registers every table."""

from newsletter.accounts import models as accounts
from newsletter.accounts import presence
from newsletter.articles import drafts
from newsletter.articles import models as articles
from newsletter.core import ratelimit
from newsletter.core.columns import Base
from newsletter.delivery import domain_models as domains
from newsletter.delivery import models as delivery
from newsletter.feedback import models as feedback
from newsletter.feeds import models as feeds
from newsletter.issues import history_models as history
from newsletter.issues import models as issues
from newsletter.issues import preflight_models as preflights
from newsletter.issues import sending_models as sendings
from newsletter.newsletters import look_models as looks
from newsletter.newsletters import models as newsletters
from newsletter.subscriptions import bulk_models as bulk
from newsletter.subscriptions import count_models as subscription_counts
from newsletter.subscriptions import models as subscriptions
from newsletter.subscriptions.segments import models as segments
from newsletter.suppression import models as suppression
from newsletter.tracking import models as tracking
from newsletter.transfer import models as transfer

ROOMS = (
    accounts,
    articles,
    bulk,
    delivery,
    domains,
    drafts,
    feedback,
    feeds,
    history,
    issues,
    looks,
    newsletters,
    preflights,
    presence,
    ratelimit,
    subscription_counts,
    segments,
    sendings,
    subscriptions,
    suppression,
    tracking,
    transfer,
)
metadata = Base.metadata
