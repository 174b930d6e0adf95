"""Changes that people made, so that they can be undone.

Revision ID: 0003
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables and two indexes that programs of the release before do not know and do not need."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())
