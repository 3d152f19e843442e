"""Let a person's identity be erased while what they judged stays.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_person_erased_has_no_way_in"),
        "person",
        "erased_at IS NULL OR (password_hash IS NULL AND disabled_at IS NOT NULL)",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_person_erased_has_no_way_in"), "person")
    op.drop_column("person", "erased_at")
