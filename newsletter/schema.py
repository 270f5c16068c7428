"""The whole metadata: importing this module registers every table."""

from newsletter.accounts import models as accounts
from newsletter.articles import models as articles
from newsletter.core import ratelimit
from newsletter.core.columns import Base
from newsletter.delivery import domain_models as domains
from newsletter.delivery import models as delivery
from newsletter.feedback import models as feedback
from newsletter.feeds import models as feeds
from newsletter.issues import models as issues
from newsletter.issues import preflight_models as preflights
from newsletter.issues import sending_models as sendings
from newsletter.newsletters import models as newsletters
from newsletter.subscriptions import models as subscriptions
from newsletter.suppression import models as suppression

ROOMS = (
    accounts,
    articles,
    delivery,
    domains,
    feedback,
    feeds,
    issues,
    newsletters,
    preflights,
    ratelimit,
    sendings,
    subscriptions,
    suppression,
)
metadata = Base.metadata
