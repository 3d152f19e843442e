"""What a study asks of its annotators: consent, English, guidelines, a qualification; and the versions of each.

A version is never changed: another is added, and whoever agreed to or read an earlier one is asked again.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.money import written
from app.domain.study_lock import lock_study
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Consent, ConsentForm, GuidelinesText, Person, Study
from app.models.study import StudyState

LONGEST_GUIDELINES = 100_000
PUBLICATION = "Your answers are published with the study, under a pseudonym that is made for this study alone."
WITHDRAWAL = "You may stop at any time without giving a reason, and are paid for what you did until then."


@dataclass(frozen=True)
class ConsentParts:
    """The parts of a consent form, each a few sentences."""

    purpose: str
    content_warning: str
    contact: str
    review_board: str  # its number, or why none was needed
    pay: str = ""
    publication: str = PUBLICATION
    withdrawal: str = WITHDRAWAL


@dataclass(frozen=True)
class AnnotatorRules:
    """What else a study sets for its annotators; None leaves a rule as it is."""

    asks_english: bool | None = None
    guidelines_first: bool | None = None
    break_minutes: int | None = None


def read_consent(toml: str) -> ConsentParts:
    """A consent form from TOML, one string for each part. Raises ToprankError, naming what is missing or unknown."""
    try:
        given = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ToprankError(f"The consent form is no TOML: {error}.") from error
    return consent_parts(given)


def consent_parts(given: Mapping[str, object]) -> ConsentParts:
    """A consent form from its parts by name. Raises ToprankError, naming what is missing or unknown."""
    known = [part.name for part in fields(ConsentParts)]
    wrong = [name for name, value in given.items() if name not in known or not isinstance(value, str)]
    if wrong:
        raise ToprankError(f"A consent form has the texts {', '.join(known)}; {', '.join(wrong)} cannot be used.")
    texts = {name: str(value).strip() for name, value in given.items()}
    missing = [name for name in ("purpose", "content_warning", "contact", "review_board") if not texts.get(name)]
    if missing:
        raise ToprankError(f"The consent form lacks {', '.join(missing)}; annotators have to know before they agree.")
    return ConsentParts(**{name: text for name, text in texts.items() if text})


def change_consent(session: Session, study: Study, parts: ConsentParts, *, by: Person | None = None) -> int:
    """A new version of the consent form, which every annotator is asked for; returns its number."""
    study = lock_study(session, study.id)
    if study.state == StudyState.CLOSED:
        raise ConflictError(f"The study {study.slug!r} is closed: nobody is asked for consent any more.")
    study.consent_version += 1
    texts, rate = asdict(parts), written(study.hourly_rate, study.currency)
    texts["pay"] = parts.pay or f"You are paid {rate} {study.currency} an hour for your working time."
    session.add(ConsentForm(study_id=study.id, version=study.consent_version, **texts))
    record(session, by, "study.change_consent", study, version=study.consent_version)
    return study.consent_version


def consent_form(session: Session, study: Study) -> ConsentForm | None:
    """The consent form as it stands; None when the study has none."""
    query = select(ConsentForm).where(ConsentForm.study_id == study.id, ConsentForm.version == study.consent_version)
    return session.scalar(query)


@dataclass(frozen=True)
class ConsentVersion:
    """A version of a consent form, and how many annotators agreed to it."""

    form: ConsentForm
    agreed: int

    @property
    def id(self) -> int:
        """The version's number."""
        return self.form.version


def find_consent(session: Session, study: Study, version: int | None = None) -> ConsentVersion:
    """The consent form as it stands, or an earlier version of it. Raises NotFoundError."""
    wanted = study.consent_version if version is None else version
    for found in consent_versions(session, study, after=wanted - 1, limit=1):
        if found.id == wanted:
            return found
    if version is None:
        raise NotFoundError(f"The study {study.slug!r} has no consent form yet.")
    raise NotFoundError(f"The study {study.slug!r} has no version {version} of a consent form.")


def consent_versions(
    session: Session, study: Study, *, after: int = 0, limit: int | None = None
) -> list[ConsentVersion]:
    """Every version whose number is above `after`, the first one first."""
    agreed = (
        select(func.count())
        .where(Consent.study_id == ConsentForm.study_id, Consent.version == ConsentForm.version)
        .scalar_subquery()
    )
    mine = select(ConsentForm, agreed).where(ConsentForm.study_id == study.id, ConsentForm.version > after)
    return [
        ConsentVersion(form, count) for form, count in session.execute(mine.order_by(ConsentForm.version).limit(limit))
    ]


def consent_texts(form: ConsentForm) -> dict[str, str]:
    """The parts of a form by name."""
    return {part.name: getattr(form, part.name) for part in fields(ConsentParts)}


def keep_guidelines(session: Session, study: Study) -> None:
    """Put the study's guidelines on record under their version."""
    session.add(GuidelinesText(study_id=study.id, version=study.guidelines_version, text=study.guidelines))
    session.flush()


def check_guidelines(text: str) -> None:
    """Raises ToprankError for guidelines that are empty or too long."""
    if not text.strip():
        raise ToprankError("The guidelines are empty; annotators have to know what is asked of them.")
    if len(text) > LONGEST_GUIDELINES:
        raise ToprankError(f"The guidelines have {len(text):,} characters; at most {LONGEST_GUIDELINES:,} are kept.")


def change_guidelines(session: Session, study: Study, text: str) -> int:
    """New guidelines, which every annotator reads before going on; returns their version. The same again is none."""
    check_guidelines(text)
    text = text.strip() + "\n"
    if text == study.guidelines:
        return study.guidelines_version
    study.guidelines = text
    study.guidelines_version += 1
    study.guidelines_first = True
    keep_guidelines(session, study)
    return study.guidelines_version


def set_rules(session: Session, study: Study, rules: AnnotatorRules) -> None:
    """Set the rules that are given. Raises ToprankError for one out of range."""
    if not 0 <= (rules.break_minutes or 0) <= 600:
        raise ToprankError(f"A break after {rules.break_minutes} minutes makes no sense; give 0 (never) to 600.")
    for name, value in asdict(rules).items():
        if value is not None:
            setattr(study, name, value)
    session.flush()
