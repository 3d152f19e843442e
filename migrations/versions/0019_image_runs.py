"""Let a hyperfitting run name the tokens of its images, by which its page draws them.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

REFERENCE = "fk_hyperfit_run_image_tokens_sha256_reference_tokens"


def upgrade() -> None:
    op.add_column("hyperfit_run", sa.Column("image_tokens_sha256", sa.String(length=64), nullable=True))
    op.create_foreign_key(op.f(REFERENCE), "hyperfit_run", "reference_tokens", ["image_tokens_sha256"], ["sha256"])


def downgrade() -> None:
    op.drop_constraint(op.f(REFERENCE), "hyperfit_run", type_="foreignkey")
    op.drop_column("hyperfit_run", "image_tokens_sha256")
