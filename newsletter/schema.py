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
from newsletter.newsletters import models as newsletters
from newsletter.subscriptions import models as subscriptions
from newsletter.suppression import models as suppression

ROOMS = (
    accounts,
    articles,
    delivery,
    domains,
    drafts,
    feedback,
    feeds,
    history,
    issues,
    newsletters,
    preflights,
    presence,
    ratelimit,
    subscriptions,
    suppression,
)
metadata = Base.metadata
