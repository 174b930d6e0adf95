"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make schema `jobsched` in an empty database."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())
