"""What readers see: no sign-in, no cookie, no script needed."""

from newsletter.web.public import (
    archive,
    confirm,
    following,
    hooks,
    mailbox,
    media,
    preferences,
    privacy,
    review,
    style,
    subscribe,
    unsubscribe,
)

# Importing it puts its view on the blueprint of the form.
STYLE = style

BLUEPRINTS = (
    subscribe.blueprint,
    confirm.blueprint,
    unsubscribe.blueprint,
    preferences.blueprint,
    archive.blueprint,
    privacy.blueprint,
    mailbox.blueprint,
    media.blueprint,
    review.blueprint,
    hooks.blueprint,
    following.blueprint,
)
