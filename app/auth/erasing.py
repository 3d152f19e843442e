"""Erasing a person's identity: what they judged stays, under the pseudonyms it had, and nothing says whose it is.

The consent form promises both. The row of the person stays too, since annotations, assignments and the audit log point
at it; of what is on it, only the number and the role are left.
"""

import re
from collections.abc import Iterable

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from app.auth.accounts import check_admin_stays, check_is_another
from app.auth.mentions import mentions_of, take_out, words_of
from app.auth.sessions import end_all_sessions
from app.domain.audit import record
from app.errors import ConflictError
from app.models import ApiToken, EnglishCheck, Invitation, KeptAnswer, LoginAttempt, Person

ERASED = "erased"

_JSON_ESCAPES = re.compile(r"\\(?:u[0-9a-f]{4}|.)")


def erase_identity(
    session: Session, person: Person, *, by: Person | None, confirmation: str, names: Iterable[str] = ()
) -> None:
    """Erase for good; `confirmation` is the person's address, typed again, `names` what texts may call them.

    Raises ConflictError when the address differs, for oneself, for the only admin, and for somebody who was erased
    before; NamesError.
    """
    check_is_another(person, by)
    check_admin_stays(session, person)
    _check_may_be_erased(person, confirmation)
    words = words_of(person, names)
    texts = take_out(session, mentions_of(session, person, names))
    _forget_answers(session, words)
    session.execute(delete(LoginAttempt).where(LoginAttempt.account == person.email))
    for secrets in (Invitation, ApiToken):
        session.execute(delete(secrets).where(secrets.person_id == person.id))
    # Who verified somebody's English may name them; language and method belong to the study's description.
    session.execute(update(EnglishCheck).where(EnglishCheck.annotator_id == person.id).values(verified_by=ERASED))
    end_all_sessions(session, person)
    person.email = f"{ERASED}-{person.id}@{ERASED}.invalid"  # a domain that nobody can ever have (RFC 2606)
    person.password_hash = None
    person.disabled_at = person.disabled_at or func.now()
    person.erased_at = func.now()
    record(session, by, "person.erase", person, texts=texts)


def _check_may_be_erased(person: Person, confirmation: str) -> None:
    if person.erased_at is not None:
        raise ConflictError("This person's identity was erased before.")
    if confirmation.strip().lower() != person.email:
        raise ConflictError(
            "The address typed is not this person's, so nothing was erased. Type it as it stands there."
        )


def _forget_answers(session: Session, words: re.Pattern[str]) -> None:
    """The API keeps answers for a day, and one to an invitation or a verdict may name somebody."""
    key = (KeptAnswer.person_id, KeptAnswer.key)
    kept = session.execute(select(*key, KeptAnswer.answer).where(KeptAnswer.answer.is_not(None)))
    naming = [(row.person_id, row.key) for row in kept if words.search(_JSON_ESCAPES.sub(" ", row.answer))]
    session.execute(delete(KeptAnswer).where(tuple_(*key).in_(naming)))
