"""Keep who judged a passage and why, the text it was cut from, and what it was before it was edited.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COLUMNS = ("full_text", "start", "unedited", "suspicions", "reason", "validated_at", "validated_by_id")


def upgrade() -> None:
    op.add_column("passage", sa.Column("full_text", sa.String(), nullable=True))
    op.add_column("passage", sa.Column("start", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("passage", sa.Column("unedited", sa.String(), nullable=True))
    op.add_column("passage", sa.Column("suspicions", sa.ARRAY(sa.String(length=64)), nullable=True))
    op.add_column("passage", sa.Column("reason", sa.String(length=200), nullable=True))
    op.add_column("passage", sa.Column("validated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("passage", sa.Column("validated_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_passage_validated_by_id_person"), "passage", "person", ["validated_by_id"], ["id"])
    op.create_check_constraint(op.f("ck_passage_start_not_negative"), "passage", "start >= 0")
    _set_states("pending", "accepted", "rejected", "reserved", "edited")
    op.create_check_constraint(
        op.f("ck_passage_edited_has_its_text"), "passage", "state <> 'edited' OR unedited IS NOT NULL"
    )
    op.create_index(
        "ix_passage_pending", "passage", ["study_id", "dataset_id", "id"], postgresql_where=sa.text("state = 'pending'")
    )


def downgrade() -> None:
    op.drop_index("ix_passage_pending", "passage")
    op.drop_constraint(op.f("ck_passage_edited_has_its_text"), "passage")
    op.execute("UPDATE passage SET state = 'rejected' WHERE state = 'edited'")
    _set_states("pending", "accepted", "rejected", "reserved")
    op.drop_constraint(op.f("ck_passage_start_not_negative"), "passage")
    for column in COLUMNS:
        op.drop_column("passage", column)


def _set_states(*states: str) -> None:
    op.drop_constraint(op.f("ck_passage_state"), "passage")
    known = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(op.f("ck_passage_state"), "passage", f"state IN ({known})")
