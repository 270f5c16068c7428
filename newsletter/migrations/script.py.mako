"""${message}"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "${up_revision}"
down_revision = ${'"%s"' % down_revision if down_revision else None}
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
KEY_TEXT = sa.String(320).with_variant(sa.String(320, collation="C"), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
