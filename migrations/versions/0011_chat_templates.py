"""Let a system apply its checkpoint's chat template, and say which checkpoints were tuned to follow instructions.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("system", sa.Column("chat_template", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("checkpoint", sa.Column("instruct", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("checkpoint", "instruct")
    op.drop_column("system", "chat_template")
