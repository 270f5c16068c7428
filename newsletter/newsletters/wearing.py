"""The look that a newsletter has on. One that cannot be read is none: its mails leave in the house's then."""

import logging

from newsletter.core.errors import RefusedError
from newsletter.core.paint import Paint
from newsletter.newsletters.look import HOUSE_LOOK, Look, paint_of, read_look
from newsletter.newsletters.models import Newsletter

log = logging.getLogger(__name__)


def look_of(newsletter: Newsletter) -> Look:
    """The look in force, the house's where the stored one cannot be read."""
    try:
        return read_look(newsletter.look)
    except RefusedError as error:
        log.warning("The look of %s cannot be read, so it wears the house's: %s", newsletter.slug, error)
        return HOUSE_LOOK


def paint_for(newsletter: Newsletter) -> Paint:
    """What its transactional mails are painted with."""
    return paint_of(look_of(newsletter))
