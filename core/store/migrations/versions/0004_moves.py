"""Jobs that are moved to another lane, so that this can be undone.

Revision ID: 0004
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two columns, a word and a better index that programs of the release before do not know and do not need."""
    op.execute(Path(__file__).with_suffix(".sql").read_text())
