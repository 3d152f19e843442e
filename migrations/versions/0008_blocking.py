"""Let systems block citations of a training set, and count what was blocked.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CHECK = "ck_system_training_texts_are_blocked"
FOREIGN_KEY = "fk_system_training_texts_sha256_training_texts"


def upgrade() -> None:
    op.create_table(
        "training_texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("texts", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_training_texts")),
    )
    op.add_column("system", sa.Column("training_texts_sha256", sa.String(length=64), nullable=True))
    op.create_foreign_key(FOREIGN_KEY, "system", "training_texts", ["training_texts_sha256"], ["sha256"])
    op.create_check_constraint(op.f(CHECK), "system", "training_texts_sha256 IS NULL OR block_citations")
    op.add_column("continuation", sa.Column("citation_matches", sa.BigInteger(), nullable=True))
    op.add_column("continuation", sa.Column("citation_blocks", sa.BigInteger(), nullable=True))
    op.add_column("checkpoint", sa.Column("engine_settings", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("checkpoint", "engine_settings")
    op.drop_column("continuation", "citation_blocks")
    op.drop_column("continuation", "citation_matches")
    op.drop_constraint(op.f(CHECK), "system", type_="check")
    op.drop_constraint(FOREIGN_KEY, "system", type_="foreignkey")
    op.drop_column("system", "training_texts_sha256")
    op.drop_table("training_texts")
