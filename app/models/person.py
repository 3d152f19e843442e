"""Who may log in, and with what."""

from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.columns import CreatedAt, Id, Timestamp, text_enum


class Role(StrEnum):
    """What a person is here for; each role sees its own pages."""

    ANNOTATOR = "annotator"
    RESEARCHER = "researcher"
    ADMIN = "admin"


class Person(Base):
    """An account; the e-mail is kept in lower case, so that one address is one account.

    Whose identity was erased keeps the row, and with it their annotations, but has no address and no way in.
    """

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_is_lower_case"),
        CheckConstraint(
            "erased_at IS NULL OR (password_hash IS NULL AND disabled_at IS NOT NULL)", name="erased_has_no_way_in"
        ),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(320), unique=True)
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"))
    password_hash: Mapped[str | None]
    disabled_at: Mapped[Timestamp | None]
    erased_at: Mapped[Timestamp | None]
    created_at: Mapped[CreatedAt]

    @property
    def state(self) -> str:
        """In a word: erased, disabled, active, or invited, which is not there yet."""
        if self.erased_at is not None:
            return "erased"
        if self.disabled_at is not None:
            return "disabled"
        return "active" if self.password_hash is not None else "invited"


class LoginSession(Base):
    """A browser that is logged in; only the SHA-256 of its token is stored."""

    __tablename__ = "login_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[CreatedAt]
    expires_at: Mapped[Timestamp]

    person: Mapped[Person] = relationship(lazy="raise")


class Invitation(Base):
    """A one-time link with which a person sets a password; only the SHA-256 of its token is stored."""

    __tablename__ = "invitation"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp | None]

    person: Mapped[Person] = relationship(lazy="raise")


class LoginAttempt(Base):
    """One failed login, counted by account and by address; kept in the database so that every process counts alike."""

    __tablename__ = "login_attempt"
    __table_args__ = (
        Index("ix_login_attempt_account", "account", "attempted_at"),
        Index("ix_login_attempt_address", "address", "attempted_at"),
    )

    id: Mapped[Id]
    account: Mapped[str] = mapped_column(String(320))
    address: Mapped[str] = mapped_column(String(64))
    attempted_at: Mapped[CreatedAt]


class TokenScope(StrEnum):
    """What a program may do with a token; it can do nothing else."""

    READ = "read"  # see what this person sees on pages
    WRITE = "write"  # change studies, passages, systems and what else this person may
    ADMIN = "admin"  # people, money and the audit log; only admins can have it
    UPLOAD = "upload"  # send checkpoints as this person
    WORKER = "worker"  # fetch the files of checkpoints


class ApiToken(Base):
    """A program's key to the API in the name of a person; only the SHA-256 of it is stored, and it expires."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("cardinality(scopes) > 0", name="scopes_not_empty"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
    )

    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200), default="", server_default="")  # what its person knows it by
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Timestamp]
    revoked_at: Mapped[Timestamp | None]
