"""Keep what takes too long for a page to compute.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measurement",
        sa.Column("system_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("inputs", sa.String(length=64), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id", "system_id"],
            ["system.study_id", "system.id"],
            name=op.f("fk_measurement_study_id_system_id_system"),
        ),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_measurement")),
    )
    op.create_index("ix_measurement_study_id", "measurement", ["study_id"])
    op.create_table(
        "measuring",
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("done BETWEEN 0 AND total", name=op.f("ck_measuring_done_within_total")),
        sa.CheckConstraint("state IN ('idle', 'queued', 'running', 'done', 'failed')", name=op.f("ck_measuring_state")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_measuring_study_id_study")),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_measuring")),
    )


def downgrade() -> None:
    op.drop_table("measuring")
    op.drop_index("ix_measurement_study_id", "measurement")
    op.drop_table("measurement")
