"""Let a study be about images: square passages of any size.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

IS_EITHER = "cardinality(token_ids) = CASE WHEN width IS NULL THEN 256 ELSE width * width END"
HAS_256 = "cardinality(token_ids) = 256"
MODALITY = "ck_study_modality"


def upgrade() -> None:
    op.add_column("study", sa.Column("modality", sa.String(length=32), server_default="text", nullable=False))
    op.create_check_constraint(op.f(MODALITY), "study", "modality IN ('text', 'image')")
    op.add_column("passage", sa.Column("width", sa.SmallInteger(), nullable=True))
    op.drop_constraint(op.f("ck_passage_has_256_tokens"), "passage", type_="check")
    op.create_check_constraint(op.f("ck_passage_is_text_or_image"), "passage", IS_EITHER)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_passage_is_text_or_image"), "passage", type_="check")
    # What an image study holds stays; only new rows are held to the old rule again.
    op.execute(f"ALTER TABLE passage ADD CONSTRAINT ck_passage_has_256_tokens CHECK ({HAS_256}) NOT VALID")
    op.drop_column("passage", "width")
    op.drop_constraint(op.f(MODALITY), "study", type_="check")
    op.drop_column("study", "modality")
