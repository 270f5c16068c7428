"""Alembic's entry: runs on the connection that `newsletter.migrations.upgrade` hands over."""

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes.get("metadata"),
    render_as_batch=True,
    compare_type=True,
    render_item=config.attributes.get("render_item", lambda *_: False),
)
with context.begin_transaction():
    context.run_migrations()
