"""Let studies check their annotators: gold and repeat comparisons, caps, thresholds and reviews.

Revision ID: 0003
Revises: 0002
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# name, type, value of the studies there are
STUDY_COLUMNS: tuple[tuple[str, sa.types.TypeEngine[Any], str], ...] = (
    ("gold_share", sa.Float(), "0"),
    ("repeat_share", sa.Float(), "0"),
    ("max_share", sa.Float(), "1"),
    ("withdrawal", sa.String(length=32), "replace"),
)
STUDY_THRESHOLDS: tuple[tuple[str, sa.types.TypeEngine[Any]], ...] = (
    ("min_gold_accuracy", sa.Float()),
    ("min_self_consistency", sa.Float()),
    ("min_reading_ms", sa.BigInteger()),
)
STUDY_CHECKS = {
    "withdrawal": "withdrawal IN ('keep', 'replace')",
    "most_is_study": "gold_share >= 0 AND repeat_share >= 0 AND gold_share + repeat_share <= 0.5",
    "max_share_in_range": "max_share > 0 AND max_share <= 1",
    "min_gold_accuracy_in_range": "min_gold_accuracy BETWEEN 0 AND 1",
    "min_self_consistency_in_range": "min_self_consistency BETWEEN 0 AND 1",
    "min_reading_positive": "min_reading_ms > 0",
}
NUMBERED = """
UPDATE assignment a SET ordinal = n.ordinal
FROM (SELECT id, row_number() OVER (PARTITION BY annotator_id, study_id ORDER BY id) AS ordinal FROM assignment) n
WHERE n.id = a.id
"""


def upgrade() -> None:
    for name, kind, value in STUDY_COLUMNS:
        op.add_column("study", sa.Column(name, kind, nullable=False, server_default=value))
        op.alter_column("study", name, server_default=None)
    for threshold in STUDY_THRESHOLDS:
        op.add_column("study", sa.Column(*threshold, nullable=True))
    for name, check in STUDY_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_study_{name}"), "study", check)
    _set_passage_states("pending", "accepted", "rejected", "reserved")
    op.create_index("ix_comparison_gold", "comparison", ["study_id"], postgresql_where=sa.text("kind = 'gold'"))
    op.add_column("assignment", sa.Column("ordinal", sa.Integer(), nullable=True))
    op.execute(NUMBERED)
    op.alter_column("assignment", "ordinal", nullable=False)
    op.create_unique_constraint(
        op.f("uq_assignment_annotator_id_study_id_ordinal"), "assignment", ["annotator_id", "study_id", "ordinal"]
    )
    op.create_table(
        "review",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "paused",
                "resumed",
                "withdrawn",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["person.id"], name=op.f("fk_review_annotator_id_person")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_review_by_id_person")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_review_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index("ix_review_annotator", "review", ["annotator_id", "study_id", "id"])


def downgrade() -> None:
    op.drop_table("review")
    op.drop_column("assignment", "ordinal")
    op.drop_index("ix_comparison_gold", table_name="comparison")
    op.execute("UPDATE passage SET state = 'rejected' WHERE state = 'reserved'")
    _set_passage_states("pending", "accepted", "rejected")
    for name in STUDY_CHECKS:
        op.drop_constraint(op.f(f"ck_study_{name}"), "study")
    for name, *_ in STUDY_COLUMNS + STUDY_THRESHOLDS:
        op.drop_column("study", name)


def _set_passage_states(*states: str) -> None:
    op.drop_constraint(op.f("ck_passage_state"), "passage")
    known = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(op.f("ck_passage_state"), "passage", f"state IN ({known})")
