"""Keep what checkpoints reach on downstream tasks.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATES = ("idle", "queued", "running", "done", "failed")


def upgrade() -> None:
    op.create_table(
        "downstream_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("tasks", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("shots", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("question_limit", sa.BigInteger(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("task_folder", sa.String(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("failures", postgresql.JSONB(), nullable=False),
        sa.Column("harness", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cardinality(tasks) > 0 AND cardinality(shots) > 0", name=op.f("ck_downstream_run_asks_something")
        ),
        sa.CheckConstraint("question_limit > 0", name=op.f("ck_downstream_run_question_limit_positive")),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_downstream_run_checkpoint_id_checkpoint")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_downstream_run")),
    )
    op.create_index(op.f("ix_downstream_run_checkpoint_id"), "downstream_run", ["checkpoint_id"])
    op.create_table(
        "downstream_score",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("shots", sa.SmallInteger(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("stderr", sa.Float(), nullable=True),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("each", sa.ARRAY(sa.REAL()), nullable=True),
        sa.CheckConstraint("shots >= 0 AND questions > 0", name=op.f("ck_downstream_score_counts_in_range")),
        sa.CheckConstraint('cardinality("each") = questions', name=op.f("ck_downstream_score_one_value_each")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["downstream_run.id"], name=op.f("fk_downstream_score_run_id_downstream_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_downstream_score")),
        sa.UniqueConstraint(
            "run_id", "part", "task", "metric", name=op.f("uq_downstream_score_run_id_part_task_metric")
        ),
    )


def downgrade() -> None:
    op.drop_table("downstream_score")
    op.drop_index(op.f("ix_downstream_run_checkpoint_id"), "downstream_run")
    op.drop_table("downstream_run")
