"""Keep what annotators agree to, read and pass before their first comparison, and their flags.

Revision ID: 0005
Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What studies that are there already ask: nothing.
STUDY_COLUMNS: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "consent_version": (sa.BigInteger(), "0"),
    "asks_english": (sa.Boolean(), "false"),
    "guidelines_first": (sa.Boolean(), "false"),
    "pass_mark": (sa.SmallInteger(), "0"),
    "attempts": (sa.SmallInteger(), "2"),
    "retry_minutes": (sa.SmallInteger(), "0"),
    "break_minutes": (sa.SmallInteger(), "0"),
}
RULES = "pass_mark >= 0 AND attempts >= 1 AND retry_minutes >= 0 AND break_minutes >= 0"


def upgrade() -> None:
    for name, (kind, value) in STUDY_COLUMNS.items():
        op.add_column("study", sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
        op.alter_column("study", name, server_default=None)
    op.create_check_constraint(op.f("ck_study_consent_version_not_negative"), "study", "consent_version >= 0")
    op.create_check_constraint(op.f("ck_study_annotator_rules_in_range"), "study", RULES)
    op.create_table(
        "english_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column("first_language", sa.String(length=100), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "platform", "test", "interview", name="method", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("verified_by", sa.String(length=200), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=False),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("'' NOT IN (first_language, verified_by)", name=op.f("ck_english_check_nothing_left_out")),
        sa.ForeignKeyConstraint(["annotator_id"], ["person.id"], name=op.f("fk_english_check_annotator_id_person")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["person.id"], name=op.f("fk_english_check_recorded_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_english_check")),
    )
    op.create_index("ix_english_check_annotator", "english_check", ["annotator_id", "id"], unique=False)
    op.create_table(
        "consent_form",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("publication", sa.String(), nullable=False),
        sa.Column("content_warning", sa.String(), nullable=False),
        sa.Column("pay", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("review_board", sa.String(), nullable=False),
        sa.Column("withdrawal", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "'' NOT IN (purpose, publication, content_warning, pay, contact, review_board, withdrawal)",
            name=op.f("ck_consent_form_nothing_left_out"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_consent_form_version_positive")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_consent_form_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_form")),
        sa.UniqueConstraint("study_id", "version", name=op.f("uq_consent_form_study_id_version")),
    )
    op.create_table(
        "guidelines_reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_guidelines_reading_duration_not_negative")),
        sa.ForeignKeyConstraint(
            ["annotator_id"], ["person.id"], name=op.f("fk_guidelines_reading_annotator_id_person")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_guidelines_reading_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guidelines_reading")),
        sa.UniqueConstraint(
            "study_id", "annotator_id", "version", name=op.f("uq_guidelines_reading_study_id_annotator_id_version")
        ),
    )
    op.create_table(
        "guidelines_text",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_guidelines_text_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guidelines_text")),
        sa.UniqueConstraint("study_id", "version", name=op.f("uq_guidelines_text_study_id_version")),
    )
    op.create_table(
        "qualification",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("correct", sa.SmallInteger(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (correct IS NULL) AND (ended_at IS NULL) = (passed IS NULL)",
            name=op.f("ck_qualification_ended_has_a_result"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_qualification_attempt_positive")),
        sa.ForeignKeyConstraint(["annotator_id"], ["person.id"], name=op.f("fk_qualification_annotator_id_person")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_qualification_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qualification")),
        sa.UniqueConstraint(
            "study_id", "annotator_id", "attempt", name=op.f("uq_qualification_study_id_annotator_id_attempt")
        ),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["person.id"], name=op.f("fk_consent_annotator_id_person")),
        sa.ForeignKeyConstraint(
            ["study_id", "version"],
            ["consent_form.study_id", "consent_form.version"],
            name=op.f("fk_consent_study_id_version_consent_form"),
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_consent_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint(
            "study_id", "annotator_id", "version", name=op.f("uq_consent_study_id_annotator_id_version")
        ),
    )
    op.create_table(
        "training_comparison",
        sa.Column("comparison_id", sa.BigInteger(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column(
            "fault",
            sa.Enum(
                "shuffled",
                "foreign",
                "loop",
                "same",
                name="fault",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "right_verdict",
            sa.Enum(
                "candidate",
                "reference",
                "equal",
                name="right_verdict",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(fault = 'same') = (right_verdict = 'equal')", name=op.f("ck_training_comparison_verdict_follows_fault")
        ),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparison.id"], name=op.f("fk_training_comparison_comparison_id_comparison")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_training_comparison_study_id_study")),
        sa.PrimaryKeyConstraint("comparison_id", name=op.f("pk_training_comparison")),
        sa.UniqueConstraint("study_id", "number", name=op.f("uq_training_comparison_study_id_number")),
    )
    op.create_table(
        "flag",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("note <> ''", name=op.f("ck_flag_note_not_empty")),
        sa.ForeignKeyConstraint(["annotator_id"], ["person.id"], name=op.f("fk_flag_annotator_id_person")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name=op.f("fk_flag_assignment_id_assignment")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_flag_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flag")),
    )
    op.create_index(op.f("ix_flag_study_id"), "flag", ["study_id"], unique=False)
    op.execute(
        "INSERT INTO guidelines_text (study_id, version, text) SELECT id, guidelines_version, guidelines FROM study"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_flag_study_id"), table_name="flag")
    op.drop_table("flag")
    op.drop_table("training_comparison")
    op.drop_table("consent")
    op.drop_table("qualification")
    op.drop_table("guidelines_text")
    op.drop_table("guidelines_reading")
    op.drop_table("consent_form")
    op.drop_index("ix_english_check_annotator", table_name="english_check")
    op.drop_table("english_check")
    op.drop_constraint(op.f("ck_study_annotator_rules_in_range"), "study")
    op.drop_constraint(op.f("ck_study_consent_version_not_negative"), "study")
    for name in STUDY_COLUMNS:
        op.drop_column("study", name)
