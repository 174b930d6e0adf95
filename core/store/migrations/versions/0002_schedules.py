"""Schedules and their ticks.

Revision ID: 0002
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what schedules need; programs of the release before go on working meanwhile and afterwards."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())
