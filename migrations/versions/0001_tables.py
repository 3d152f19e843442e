"""Create the tables of studies, people and annotations.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "uploading",
                "validating",
                "ready",
                "refused",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint")),
        sa.UniqueConstraint("name", name=op.f("uq_checkpoint_name")),
    )
    op.create_table(
        "login_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account", sa.String(length=320), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempt")),
    )
    op.create_index("ix_login_attempt_account", "login_attempt", ["account", "attempted_at"], unique=False)
    op.create_index("ix_login_attempt_address", "login_attempt", ["address", "attempted_at"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "annotator", "researcher", "admin", name="role", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_person_email_is_lower_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
    )
    op.create_table(
        "reference_tokens",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tokenizer_json", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_reference_tokens")),
    )
    op.create_table(
        "invitation",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_invitation_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invitation")),
    )
    op.create_index(op.f("ix_invitation_person_id"), "invitation", ["person_id"], unique=False)
    op.create_table(
        "login_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_login_session_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_login_session")),
    )
    op.create_index(op.f("ix_login_session_person_id"), "login_session", ["person_id"], unique=False)
    op.create_table(
        "study",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft", "open", "paused", "closed", name="state", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("quota", sa.SmallInteger(), nullable=False),
        sa.Column("comparisons", sa.BigInteger(), nullable=False),
        sa.Column("guidelines", sa.String(), nullable=False),
        sa.Column("guidelines_version", sa.BigInteger(), nullable=False),
        sa.Column("hourly_rate", sa.Numeric(precision=8, scale=2, asdecimal=False), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("reference_tokens_sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "release",
            sa.Enum("complete", "as_ready", name="release", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("open_to_look", sa.Boolean(), nullable=False),
        sa.Column("lease_minutes", sa.SmallInteger(), nullable=False),
        sa.Column("pause_seconds", sa.SmallInteger(), nullable=False),
        sa.Column("max_exposures", sa.SmallInteger(), nullable=False),
        sa.Column("exposure_gap", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("ck_study_slug_is_plain")),
        sa.CheckConstraint("comparisons >= 0", name=op.f("ck_study_comparisons_not_negative")),
        sa.CheckConstraint("lease_minutes BETWEEN 1 AND 1440", name=op.f("ck_study_lease_in_range")),
        sa.CheckConstraint("max_exposures >= 1", name=op.f("ck_study_max_exposures_positive")),
        sa.CheckConstraint("quota BETWEEN 1 AND 99", name=op.f("ck_study_quota_in_range")),
        sa.ForeignKeyConstraint(
            ["reference_tokens_sha256"],
            ["reference_tokens.sha256"],
            name=op.f("fk_study_reference_tokens_sha256_reference_tokens"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("slug", name=op.f("uq_study_slug")),
    )
    op.create_table(
        "dataset",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'", name=op.f("ck_dataset_name_is_plain")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_dataset_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("study_id", "id", name=op.f("uq_dataset_study_id_id")),
        sa.UniqueConstraint("study_id", "name", name=op.f("uq_dataset_study_id_name")),
    )
    op.create_table(
        "look",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_look_person_id_person")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_look_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look")),
        sa.UniqueConstraint("study_id", "number", name=op.f("uq_look_study_id_number")),
    )
    op.create_table(
        "system",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "strategy",
            sa.Enum("greedy", "nucleus", name="strategy", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("top_p", sa.Double(), nullable=False),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("top_k", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("repetition_penalty", sa.Double(), nullable=False),
        sa.Column("block_citations", sa.Boolean(), nullable=False),
        sa.Column("scenarios", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "idle",
                "queued",
                "running",
                "done",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("generated_tokens", sa.BigInteger(), nullable=False),
        sa.Column("generation_seconds", sa.Double(), nullable=False),
        sa.Column("generated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "cardinality(scenarios) > 0 AND scenarios <@ '{128,256}'", name=op.f("ck_system_scenarios_known")
        ),
        sa.CheckConstraint(
            "repetition_penalty > 0 AND repetition_penalty < 'Infinity'",
            name=op.f("ck_system_repetition_penalty_positive"),
        ),
        sa.CheckConstraint("temperature > 0 AND temperature < 'Infinity'", name=op.f("ck_system_temperature_positive")),
        sa.CheckConstraint("top_k >= 0", name=op.f("ck_system_top_k_not_negative")),
        sa.CheckConstraint("top_p > 0 AND top_p <= 1", name=op.f("ck_system_top_p_in_range")),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_system_checkpoint_id_checkpoint")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_system_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
        sa.UniqueConstraint("study_id", "id", name=op.f("uq_system_study_id_id")),
        sa.UniqueConstraint("study_id", "name", name=op.f("uq_system_study_id_name")),
    )
    op.create_table(
        "passage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("token_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("context", sa.String(), nullable=False),
        sa.Column("original", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending", "accepted", "rejected", name="state", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cardinality(token_ids) = 256", name=op.f("ck_passage_has_256_tokens")),
        sa.ForeignKeyConstraint(
            ["study_id", "dataset_id"],
            ["dataset.study_id", "dataset.id"],
            name=op.f("fk_passage_study_id_dataset_id_dataset"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passage")),
        sa.UniqueConstraint("study_id", "content_hash", name=op.f("uq_passage_study_id_content_hash")),
        sa.UniqueConstraint("study_id", "id", name=op.f("uq_passage_study_id_id")),
    )
    op.create_table(
        "comparison",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column("scenario", sa.SmallInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "study", "gold", "repeat", "training", name="kind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("quota", sa.SmallInteger(), nullable=False),
        sa.Column("taken", sa.SmallInteger(), nullable=False),
        sa.Column("answered", sa.SmallInteger(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("candidate_text", sa.String(), nullable=False),
        sa.Column("reference_text", sa.String(), nullable=False),
        sa.Column("texts_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("number IS NULL OR kind = 'study'", name=op.f("ck_comparison_only_study_is_numbered")),
        sa.CheckConstraint("answered BETWEEN 0 AND taken", name=op.f("ck_comparison_answered_within_taken")),
        sa.CheckConstraint("scenario IN (128, 256)", name=op.f("ck_comparison_scenario_known")),
        sa.CheckConstraint("taken BETWEEN 0 AND quota", name=op.f("ck_comparison_taken_within_quota")),
        sa.ForeignKeyConstraint(
            ["study_id", "passage_id"],
            ["passage.study_id", "passage.id"],
            name=op.f("fk_comparison_study_id_passage_id_passage"),
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_comparison_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison")),
        sa.UniqueConstraint("id", "quota", name=op.f("uq_comparison_id_quota")),
        sa.UniqueConstraint(
            "passage_id",
            "scenario",
            "kind",
            "texts_hash",
            name=op.f("uq_comparison_passage_id_scenario_kind_texts_hash"),
        ),
        sa.UniqueConstraint("study_id", "number", name=op.f("uq_comparison_study_id_number")),
        postgresql_with={"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.05"},
    )
    op.create_index(
        "ix_comparison_free",
        "comparison",
        ["study_id", "passage_id"],
        unique=False,
        postgresql_where=sa.text("number IS NOT NULL AND NOT withdrawn AND taken < quota"),
    )
    op.create_table(
        "continuation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("system_id", sa.BigInteger(), nullable=False),
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column("token_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("eos_position", sa.BigInteger(), nullable=True),
        sa.Column("ttr_128", sa.Double(), nullable=False),
        sa.Column("ttr_256", sa.Double(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id", "passage_id"],
            ["passage.study_id", "passage.id"],
            name=op.f("fk_continuation_study_id_passage_id_passage"),
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "system_id"],
            ["system.study_id", "system.id"],
            name=op.f("fk_continuation_study_id_system_id_system"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_continuation")),
        sa.UniqueConstraint("system_id", "passage_id", name=op.f("uq_continuation_system_id_passage_id")),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column("comparison_id", sa.BigInteger(), nullable=False),
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "study", "gold", "repeat", "training", name="kind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("occasion", sa.SmallInteger(), nullable=False),
        sa.Column("quota", sa.SmallInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=True),
        sa.Column("candidate_first", sa.Boolean(), nullable=False),
        sa.Column("passage_exposure", sa.SmallInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "next",
                "shown",
                "answered",
                "skipped",
                "expired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "skip_reason",
            sa.Enum(
                "cannot_read",
                "harmful",
                "broken",
                "other",
                name="skip_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("claimed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'skipped') = (skip_reason IS NOT NULL)", name=op.f("ck_assignment_skip_has_a_reason")
        ),
        sa.CheckConstraint(
            "CASE WHEN state IN ('next', 'shown') THEN kind <> 'study' OR slot IS NOT NULL WHEN state IN ('expired', 'skipped') THEN slot IS NULL ELSE true END",
            name=op.f("ck_assignment_slot_follows_state"),
        ),
        sa.CheckConstraint("slot IS NULL OR kind = 'study'", name=op.f("ck_assignment_only_study_has_a_slot")),
        sa.CheckConstraint(
            "state NOT IN ('shown', 'answered') OR shown_at IS NOT NULL", name=op.f("ck_assignment_shown_has_a_time")
        ),
        sa.CheckConstraint("slot BETWEEN 1 AND quota", name=op.f("ck_assignment_slot_within_quota")),
        sa.ForeignKeyConstraint(["annotator_id"], ["person.id"], name=op.f("fk_assignment_annotator_id_person")),
        sa.ForeignKeyConstraint(
            ["comparison_id", "quota"],
            ["comparison.id", "comparison.quota"],
            name=op.f("fk_assignment_comparison_id_quota_comparison"),
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(["passage_id"], ["passage.id"], name=op.f("fk_assignment_passage_id_passage")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_assignment_study_id_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint(
            "annotator_id", "comparison_id", "occasion", name=op.f("uq_assignment_annotator_id_comparison_id_occasion")
        ),
        sa.UniqueConstraint("claim", name=op.f("uq_assignment_claim")),
        sa.UniqueConstraint("id", "slot", name=op.f("uq_assignment_id_slot")),
    )
    op.create_index("ix_assignment_exposure", "assignment", ["annotator_id", "passage_id"], unique=False)
    op.create_index(
        "ix_assignment_lease",
        "assignment",
        ["study_id", "lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('shown', 'next')"),
    )
    op.create_index(
        "uq_assignment_next",
        "assignment",
        ["annotator_id", "study_id"],
        unique=True,
        postgresql_where=sa.text("state = 'next'"),
    )
    op.create_index(
        "uq_assignment_shown",
        "assignment",
        ["annotator_id", "study_id"],
        unique=True,
        postgresql_where=sa.text("state = 'shown'"),
    )
    op.create_index(
        "uq_assignment_slot",
        "assignment",
        ["comparison_id", "slot"],
        unique=True,
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.create_table(
        "candidacy",
        sa.Column("continuation_id", sa.BigInteger(), nullable=False),
        sa.Column("scenario", sa.SmallInteger(), nullable=False),
        sa.Column("comparison_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparison.id"], name=op.f("fk_candidacy_comparison_id_comparison")
        ),
        sa.ForeignKeyConstraint(
            ["continuation_id"], ["continuation.id"], name=op.f("fk_candidacy_continuation_id_continuation")
        ),
        sa.PrimaryKeyConstraint("continuation_id", "scenario", name=op.f("pk_candidacy")),
    )
    op.create_index(op.f("ix_candidacy_comparison_id"), "candidacy", ["comparison_id"], unique=False)
    op.create_table(
        "annotation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("study_id", sa.BigInteger(), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("comparison_id", sa.BigInteger(), nullable=False),
        sa.Column("annotator_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=True),
        sa.Column("candidate_first", sa.Boolean(), nullable=False),
        sa.Column(
            "verdict_shown",
            sa.Enum(
                "first", "second", "equal", name="verdict_shown", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "verdict",
            sa.Enum(
                "candidate", "reference", "equal", name="verdict", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "counted",
                "superseded",
                "surplus",
                "gold",
                "repeat",
                "training",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("supersedes_id", sa.BigInteger(), nullable=True),
        sa.Column("guidelines_version", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'counted') = (slot IS NOT NULL)", name=op.f("ck_annotation_counted_has_a_slot")),
        sa.CheckConstraint(
            "(verdict = 'equal') = (verdict_shown = 'equal') AND (verdict = 'equal' OR (verdict = 'candidate') = ((verdict_shown = 'first') = candidate_first))",
            name=op.f("ck_annotation_verdict_matches_order"),
        ),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_annotation_duration_not_negative")),
        sa.ForeignKeyConstraint(["annotator_id"], ["person.id"], name=op.f("fk_annotation_annotator_id_person")),
        sa.ForeignKeyConstraint(
            ["assignment_id", "slot"],
            ["assignment.id", "assignment.slot"],
            name=op.f("fk_annotation_assignment_id_slot_assignment"),
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_annotation_assignment_id_assignment")
        ),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparison.id"], name=op.f("fk_annotation_comparison_id_comparison")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_annotation_study_id_study")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["annotation.id"], name=op.f("fk_annotation_supersedes_id_annotation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_annotation_supersedes_id")),
    )
    op.create_index("ix_annotation_annotator", "annotation", ["annotator_id", "study_id", "answered_at"], unique=False)
    op.create_index("ix_annotation_study", "annotation", ["study_id", "status"], unique=False)
    op.create_index(
        "uq_annotation_current",
        "annotation",
        ["assignment_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'superseded'"),
    )
    op.create_index(
        "uq_annotation_slot",
        "annotation",
        ["comparison_id", "slot"],
        unique=True,
        postgresql_where=sa.text("slot IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_annotation_slot", table_name="annotation", postgresql_where=sa.text("slot IS NOT NULL"))
    op.drop_index("uq_annotation_current", table_name="annotation", postgresql_where=sa.text("status <> 'superseded'"))
    op.drop_index("ix_annotation_study", table_name="annotation")
    op.drop_index("ix_annotation_annotator", table_name="annotation")
    op.drop_table("annotation")
    op.drop_index(op.f("ix_candidacy_comparison_id"), table_name="candidacy")
    op.drop_table("candidacy")
    op.drop_index("uq_assignment_slot", table_name="assignment", postgresql_where=sa.text("slot IS NOT NULL"))
    op.drop_index("uq_assignment_shown", table_name="assignment", postgresql_where=sa.text("state = 'shown'"))
    op.drop_index("uq_assignment_next", table_name="assignment", postgresql_where=sa.text("state = 'next'"))
    op.drop_index(
        "ix_assignment_lease", table_name="assignment", postgresql_where=sa.text("state IN ('shown', 'next')")
    )
    op.drop_index("ix_assignment_exposure", table_name="assignment")
    op.drop_table("assignment")
    op.drop_table("continuation")
    op.drop_index(
        "ix_comparison_free",
        table_name="comparison",
        postgresql_where=sa.text("number IS NOT NULL AND NOT withdrawn AND taken < quota"),
    )
    op.drop_table("comparison")
    op.drop_table("passage")
    op.drop_table("system")
    op.drop_table("look")
    op.drop_table("dataset")
    op.drop_table("study")
    op.drop_index(op.f("ix_login_session_person_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_index(op.f("ix_invitation_person_id"), table_name="invitation")
    op.drop_table("invitation")
    op.drop_table("reference_tokens")
    op.drop_table("person")
    op.drop_index("ix_login_attempt_address", table_name="login_attempt")
    op.drop_index("ix_login_attempt_account", table_name="login_attempt")
    op.drop_table("login_attempt")
    op.drop_table("checkpoint")
