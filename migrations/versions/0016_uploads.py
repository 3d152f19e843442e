"""Keep uploads while they come, and the files of checkpoints.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkpoint", sa.Column("person_id", sa.BigInteger(), nullable=True))
    op.add_column("checkpoint", sa.Column("parameters", sa.BigInteger(), nullable=True))
    op.add_column("checkpoint", sa.Column("lineage", JSONB(), nullable=True))
    op.create_foreign_key(op.f("fk_checkpoint_person_id_person"), "checkpoint", "person", ["person_id"], ["id"])
    op.create_table(
        "checkpoint_file",
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoint.id"],
            name=op.f("fk_checkpoint_file_checkpoint_id_checkpoint"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("checkpoint_id", "name", name=op.f("pk_checkpoint_file")),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_upload_checkpoint_id_checkpoint")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_upload_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("checkpoint_id", name=op.f("uq_upload_checkpoint_id")),
    )
    op.create_index(op.f("ix_upload_person_id"), "upload", ["person_id"])
    op.create_table(
        "upload_file",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint("received BETWEEN 0 AND size", name=op.f("ck_upload_file_received_within_size")),
        sa.CheckConstraint("sha256 IS NULL OR received = size", name=op.f("ck_upload_file_hashed_when_complete")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["upload.id"], name=op.f("fk_upload_file_upload_id_upload"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("upload_id", "number", name=op.f("pk_upload_file")),
    )


def downgrade() -> None:
    op.drop_table("upload_file")
    op.drop_table("upload")
    op.drop_table("checkpoint_file")
    op.drop_constraint(op.f("fk_checkpoint_person_id_person"), "checkpoint")
    for column in ("lineage", "parameters", "person_id"):
        op.drop_column("checkpoint", column)
