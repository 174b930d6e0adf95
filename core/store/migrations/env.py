"""Runs migrations on the connection, and inside the transaction, that `schema.upgrade` hands over."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="jobsched",
    transaction_per_migration=False,
)
context.run_migrations()
