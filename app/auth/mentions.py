"""Where people wrote about somebody by hand: shown before an identity is erased, and taken out when it is.

Looked for are whole words alone: the address, and the names that whoever erases says the person goes by.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, cast, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.errors import ToprankError
from app.models import ApiToken, AuditEntry, ConsentForm, EnglishCheck, Flag, GuidelinesText, Passage, Person, Review

INSTEAD = "[erased]"
SHORTEST, LONGEST, MOST = 2, 100, 20

FreeText = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]

FREE_TEXTS: dict[str, FreeText] = {
    "note about a comparison": Flag.note,
    "decision about an annotator": Review.reason,
    "reason against a passage": Passage.reason,
    "who verified somebody's English": EnglishCheck.verified_by,
    "name of a token": ApiToken.name,
}
# What annotators agreed to or were told is part of a protocol, and hashed with it; the audit log is append-only.
LOCKED_TEXTS: dict[str, tuple[InstrumentedAttribute[int], ColumnElement[str]]] = {
    "contact in a consent form": (ConsentForm.id, ConsentForm.contact.expression),
    "guidelines": (GuidelinesText.id, GuidelinesText.text.expression),
    "entry of the audit log": (AuditEntry.id, cast(AuditEntry.detail, Text)),
}


class NamesError(ToprankError):
    """A name has 2 to 100 characters, and there are at most 20 of them, so nothing was looked for."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True)
class Mention:
    """A text that names the person, and what it becomes: itself where it `stays`, since it cannot change."""

    place: str
    row: int
    text: str
    erased: str
    stays: bool


def likely_names(person: Person) -> list[str]:
    """What people may call somebody with such an address; a single word might as well be an ordinary one.

    >>> likely_names(Person(email="ada.lovelace@lab.example")), likely_names(Person(email="mark@lab.example"))
    (['ada.lovelace', 'ada lovelace'], [])
    """
    name = person.email.partition("@")[0]
    parts = re.findall(r"[^\W\d_]+", name)
    return [name, " ".join(parts)] if len(parts) > 1 else []


def whole_words(words: Iterable[str]) -> re.Pattern[str]:
    """Finds each of the words, in any case, where it is no part of a longer word, name or address."""
    longest_first = sorted(words, key=len, reverse=True)
    either = "|".join(r"\s+".join(map(re.escape, word.split())) for word in longest_first)
    return re.compile(rf"(?<![\w@+-])(?<!\w\.)(?:{either})(?![\w@-])(?!\.\w)", re.IGNORECASE)


def words_of(person: Person, names: Iterable[str]) -> re.Pattern[str]:
    """The address and these names as a pattern. Raises NamesError."""
    wanted = {name.strip() for name in names} - {""}
    if len(wanted) > MOST or not all(SHORTEST <= len(name) <= LONGEST for name in wanted):
        raise NamesError
    return whole_words({person.email, *wanted})


def mentions_of(session: Session, person: Person, names: Iterable[str]) -> list[Mention]:
    """Every text that names the person, those that stay last. Raises NamesError."""
    words = words_of(person, names)
    found = [mention for place, column in FREE_TEXTS.items() for mention in _changing(session, place, column, words)]
    for place, (number, text) in LOCKED_TEXTS.items():
        rows = session.execute(select(number, text).order_by(number))
        found += [Mention(place, row, said, said, stays=True) for row, said in rows if words.search(said)]
    return found


def take_out(session: Session, mentions: Iterable[Mention]) -> int:
    """Write the texts anew that may change, and say how many those were."""
    changed = [mention for mention in mentions if not mention.stays]
    for mention in changed:
        column = FREE_TEXTS[mention.place]
        table = column.class_
        session.execute(update(table).where(table.id == mention.row).values({column.key: mention.erased}))
    return len(changed)


def _changing(session: Session, place: str, column: FreeText, words: re.Pattern[str]) -> Iterator[Mention]:
    number = column.class_.id
    longest = getattr(column.type, "length", None)  # a short name may become a longer word
    for row, said in session.execute(select(number, column).where(column.is_not(None)).order_by(number)):
        if words.search(said):
            yield Mention(place, row, said, words.sub(INSTEAD, said)[:longest], stays=False)
