"""Keep what checkpoints predict, passages that nobody judges, and systems that somebody paused.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATES = ("idle", "queued", "running", "done", "failed")
SCORE_CHECKS = {
    "predicts_something": "predicted > 0 AND context_predicted > 0",
    "predicts_its_text": "predicted = cardinality(token_ids) - greatest(beginning, 1)",
    "one_value_each": "cardinality(log_probs) = predicted AND cardinality(entropies) = predicted",
    "five_alternatives_each": "cardinality(top_ids) = 5 * predicted AND cardinality(top_probs) = 5 * predicted",
}


def upgrade() -> None:
    op.create_table(
        "score",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("tokenizer_sha256", sa.String(length=64), nullable=False),
        sa.Column("precision", sa.String(), nullable=False),
        sa.Column("beginning", sa.SmallInteger(), nullable=False),
        sa.Column("token_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("context_predicted", sa.BigInteger(), nullable=False),
        sa.Column("context_nll", sa.Float(), nullable=False),
        sa.Column("context_bytes", sa.BigInteger(), nullable=False),
        sa.Column("predicted", sa.BigInteger(), nullable=False),
        sa.Column("nll", sa.Float(), nullable=False),
        sa.Column("predicted_bytes", sa.BigInteger(), nullable=False),
        sa.Column("entropy", sa.Float(), nullable=False),
        sa.Column("top1_mass", sa.Float(), nullable=False),
        sa.Column("top3_mass", sa.Float(), nullable=False),
        sa.Column("top5_mass", sa.Float(), nullable=False),
        sa.Column("log_probs", sa.ARRAY(sa.REAL()), nullable=False),
        sa.Column("entropies", sa.ARRAY(sa.REAL()), nullable=False),
        sa.Column("top_ids", sa.ARRAY(sa.Integer(), dimensions=2), nullable=False),
        sa.Column("top_probs", sa.ARRAY(sa.REAL(), dimensions=2), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_score_checkpoint_id_checkpoint")),
        sa.ForeignKeyConstraint(
            ["study_id", "passage_id"],
            ["passage.study_id", "passage.id"],
            name=op.f("fk_score_study_id_passage_id_passage"),
        ),
        sa.ForeignKeyConstraint(
            ["tokenizer_sha256"], ["reference_tokens.sha256"], name=op.f("fk_score_tokenizer_sha256_reference_tokens")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score")),
        sa.UniqueConstraint("checkpoint_id", "passage_id", name=op.f("uq_score_checkpoint_id_passage_id")),
        *(sa.CheckConstraint(check, name=op.f(f"ck_score_{name}")) for name, check in SCORE_CHECKS.items()),
    )
    op.create_table(
        "scoring",
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_scoring_checkpoint_id_checkpoint")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_scoring_study_id_study")),
        sa.PrimaryKeyConstraint("study_id", "checkpoint_id", name=op.f("pk_scoring")),
    )
    for table, column in (("passage", "unjudged"), ("system", "paused")):
        op.add_column(table, sa.Column(column, sa.Boolean(), server_default=sa.false(), nullable=False))
        op.alter_column(table, column, server_default=None)


def downgrade() -> None:
    op.drop_column("system", "paused")
    op.drop_column("passage", "unjudged")
    op.drop_table("scoring")
    op.drop_table("score")
