"""The staff's pages, one file for each noun."""

from newsletter.web.admin import (
    account,
    articles,
    compose,
    deliverability,
    desk,
    domain,
    feeds,
    formats,
    issues,
    lanes,
    measuring,
    newsletters,
    preflight,
    refusals,
    rules,
    runs,
    schedules,
    sending,
    settings,
    sign_in,
    subscribers,
    topics,
    urgent,
    variants,
)
from newsletter.web.admin.room import admin as blueprint

# Importing a file puts its views on the blueprint.
VIEWS = (
    account,
    articles,
    compose,
    deliverability,
    desk,
    domain,
    feeds,
    formats,
    issues,
    lanes,
    measuring,
    newsletters,
    preflight,
    refusals,
    rules,
    runs,
    schedules,
    sending,
    settings,
    sign_in,
    subscribers,
    topics,
    urgent,
    variants,
)

__all__ = ["VIEWS", "blueprint"]
