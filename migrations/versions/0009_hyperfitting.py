"""Keep hyperfitting runs, their texts and their curves, and checkpoints that are being trained.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _set_checkpoint_states("uploading", "validating", "ready", "refused", "training", "failed")
    op.create_table(
        "hyperfit_texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("documents", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_hyperfit_texts")),
    )
    op.create_table(
        "hyperfit_run",
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("base_id", sa.BigInteger(), nullable=True),
        sa.Column("texts_sha256", sa.String(length=64), nullable=True),
        sa.Column("config", JSONB(), nullable=False),
        sa.Column("lineage", JSONB(), nullable=True),
        sa.Column("updates", sa.BigInteger(), nullable=False),
        sa.Column("total_updates", sa.BigInteger(), nullable=False),
        sa.Column("tokens_per_second", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("total_updates > 0", name=op.f("ck_hyperfit_run_total_updates_positive")),
        sa.CheckConstraint("updates BETWEEN 0 AND total_updates", name=op.f("ck_hyperfit_run_updates_in_range")),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_hyperfit_run_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(["base_id"], ["checkpoint.id"], name=op.f("fk_hyperfit_run_base_id_checkpoint")),
        sa.ForeignKeyConstraint(
            ["texts_sha256"], ["hyperfit_texts.sha256"], name=op.f("fk_hyperfit_run_texts_sha256_hyperfit_texts")
        ),
        sa.PrimaryKeyConstraint("checkpoint_id", name=op.f("pk_hyperfit_run")),
    )
    op.create_table(
        "hyperfit_point",
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("update", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Float(), nullable=False),
        sa.Column("train_loss", sa.Float(), nullable=True),
        sa.Column("validation_loss", sa.Float(), nullable=False),
        sa.Column("entropy", sa.Float(), nullable=False),
        sa.Column("ttr_first_96", sa.Float(), nullable=True),
        sa.Column("ttr_last_96", sa.Float(), nullable=True),
        sa.Column("texts", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["hyperfit_run.checkpoint_id"],
            name=op.f("fk_hyperfit_point_checkpoint_id_hyperfit_run"),
        ),
        sa.PrimaryKeyConstraint("checkpoint_id", "update", name=op.f("pk_hyperfit_point")),
    )


def downgrade() -> None:
    op.drop_table("hyperfit_point")
    op.drop_table("hyperfit_run")
    op.drop_table("hyperfit_texts")
    op.execute("UPDATE checkpoint SET state = 'refused' WHERE state IN ('training', 'failed')")
    _set_checkpoint_states("uploading", "validating", "ready", "refused")


def _set_checkpoint_states(*states: str) -> None:
    op.drop_constraint(op.f("ck_checkpoint_state"), "checkpoint")
    known = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(op.f("ck_checkpoint_state"), "checkpoint", f"state IN ({known})")
