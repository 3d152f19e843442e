"""Keep what a study decides before its results are seen: contrasts, a stopping rule, and the locked protocol.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STUDY_CHECKS = {
    "stopping": "stopping IN ('quota', 'date', 'annotations')",
    "stopping_complete": "(stopping = 'date') = (stop_at IS NOT NULL) "
    "AND (stopping = 'annotations') = (stop_after IS NOT NULL)",
    "stop_after_positive": "stop_after >= 1",
}


def upgrade() -> None:
    op.add_column("study", sa.Column("stopping", sa.String(length=32), nullable=False, server_default="quota"))
    op.alter_column("study", "stopping", server_default=None)
    op.add_column("study", sa.Column("stop_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("study", sa.Column("stop_after", sa.BigInteger(), nullable=True))
    for name, check in STUDY_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_study_{name}"), "study", check)
    op.create_table(
        "contrast",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("system_id", sa.BigInteger(), nullable=False),
        sa.Column("against_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("position >= 1", name=op.f("ck_contrast_position_positive")),
        sa.CheckConstraint("system_id <> against_id", name=op.f("ck_contrast_of_two_systems")),
        sa.ForeignKeyConstraint(
            ["study_id", "system_id"],
            ["system.study_id", "system.id"],
            name=op.f("fk_contrast_study_id_system_id_system"),
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "against_id"],
            ["system.study_id", "system.id"],
            name=op.f("fk_contrast_study_id_against_id_system"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contrast")),
        sa.UniqueConstraint(
            "study_id", "system_id", "against_id", name=op.f("uq_contrast_study_id_system_id_against_id")
        ),
    )
    op.create_table(
        "locked_protocol",
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_locked_protocol_study_id_study")),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_locked_protocol")),
    )


def downgrade() -> None:
    op.drop_table("locked_protocol")
    op.drop_table("contrast")
    for name in STUDY_CHECKS:
        op.drop_constraint(op.f(f"ck_study_{name}"), "study")
    for column in ("stop_after", "stop_at", "stopping"):
        op.drop_column("study", column)
