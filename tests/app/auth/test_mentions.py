"""Texts by hand that name somebody: found as whole words, listed, and emptied of the name when it is erased."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.auth.accounts import create_person
from app.auth.api_tokens import create_api_token
from app.auth.erasing import erase_identity
from app.auth.mentions import Mention, NamesError, likely_names, mentions_of, whole_words
from app.domain.audit import AuditFilter, audit_page, record
from app.domain.english import EnglishStatement, record_english
from app.domain.idempotency import answer_once
from app.models import ConsentForm, Flag, KeptAnswer, Person, Review
from app.models.passage import PassageState
from app.models.person import Role, TokenScope
from app.models.review import Decision
from app.models.taking_part import EnglishMethod
from tests.app.auth.test_erasing import mentions as tables_naming
from tests.factories import make_person, make_pool

EMAIL = "ada.lovelace@lab.example"
NAMES = ["Ada Lovelace", "Ada"]


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("ask Ada.", "ask _."),
        ("ADA\u2019s turn, ada; (Ada)", "_\u2019s turn, _; (_)"),
        ("Ada\n  Lovelace said so", "_ said so"),  # the longest name first, whatever the space in it
        ("mail ADA.Lovelace@lab.example.", "mail _."),
        ("<ada.lovelace@lab.example>, mailto:ada.lovelace@lab.example", "<_>, mailto:_"),
        # parts of other words, names and addresses
        ("Adam, Canada, Ada-Marie and Marie-Ada", None),
        ("ada@other.example, x.ada@lab.example, xada.lovelace@lab.example", None),
        ("ada.lovelace@lab.example.org", None),
        ("\u00c9ada and Ada\u00e9", None),
    ],
)
def test_only_whole_words_are_found(written: str, left: str | None) -> None:
    words = whole_words([EMAIL, *NAMES])
    assert words.sub("_", written) == (written if left is None else left)


def test_a_name_with_signs_in_it_is_only_itself() -> None:
    assert whole_words(["J. R. (Bob) O'Neill*"]).findall("J. R. (Bob) O'Neill* and JxR") == ["J. R. (Bob) O'Neill*"]


@pytest.mark.parametrize("names", [["A"], ["x" * 101], [f"name {number}" for number in range(21)]])
def test_names_are_few_and_no_single_letters(session: Session, names: list[str]) -> None:
    ada = create_person(session, email=EMAIL, role=Role.ANNOTATOR)
    with pytest.raises(NamesError):
        mentions_of(session, ada, names)
    with pytest.raises(NamesError):
        erase_identity(session, ada, by=None, confirmation=EMAIL, names=names)
    assert ada.email == EMAIL


def test_an_address_of_two_words_suggests_a_name() -> None:
    assert likely_names(Person(email="zo\u00eb-b_cy3@lab.example")) == ["zo\u00eb-b_cy3", "zo\u00eb b cy"]
    assert likely_names(Person(email="mark7@lab.example")) == []


def write_about_her(session: Session, ada: Person) -> None:
    """A text in every place in which somebody may write by hand."""
    study, annotator = make_pool(session), make_person(session)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    assignment = session.execute(text("SELECT id, passage_id FROM assignment WHERE state = 'shown'")).one()
    session.add_all(
        [
            Flag(study_id=study.id, assignment_id=assignment.id, annotator_id=annotator.id, note="I know Ada\nwell"),
            Flag(study_id=study.id, assignment_id=assignment.id, annotator_id=annotator.id, note="Canada again"),
            Review(
                study_id=study.id, annotator_id=ada.id, decision=Decision.PAUSED, reason=f"{EMAIL} asked", by_id=None
            ),
        ]
    )
    session.flush()
    session.execute(
        text("UPDATE passage SET state = :state, reason = 'ADA LOVELACE wrote it' WHERE id = :id"),
        {"id": assignment.passage_id, "state": PassageState.REJECTED},
    )
    statement = EnglishStatement("English", EnglishMethod.INTERVIEW, "Ada", date(2026, 1, 1))
    record_english(session, annotator.id, statement, recorded_by=annotator.id)
    create_api_token(session, make_person(session, role=Role.RESEARCHER), [TokenScope.READ], name="for Ada")
    parts = dict.fromkeys(("purpose", "publication", "content_warning", "pay", "review_board", "withdrawal"), "x")
    session.add(ConsentForm(study_id=study.id, version=99, contact=f"Write to {EMAIL}", **parts))
    record(session, None, "study.change", study, title=["Poems", f"Poems of {EMAIL}"])
    answer_once(session, annotator.id, "a key", "0" * 64, lambda: '{"note": "line\\nAda"}')
    answer_once(session, annotator.id, "another", "0" * 64, lambda: '{"note": "Canada"}')


def test_every_text_that_names_somebody_is_listed_and_emptied_of_the_name(session: Session) -> None:
    ada, admin = create_person(session, email=EMAIL, role=Role.RESEARCHER), make_person(session, role=Role.ADMIN)
    write_about_her(session, ada)

    found = mentions_of(session, ada, NAMES)

    assert [(one.place, one.erased) for one in found if not one.stays] == [
        ("note about a comparison", "I know [erased]\nwell"),
        ("decision about an annotator", "[erased] asked"),
        ("reason against a passage", "[erased] wrote it"),
        ("who verified somebody's English", "[erased]"),
        ("name of a token", "for [erased]"),
    ]
    assert [(one.place, one.text) for one in found if one.stays] == [
        ("contact in a consent form", f"Write to {EMAIL}"),
        ("entry of the audit log", f'{{"title": ["Poems", "Poems of {EMAIL}"]}}'),
    ]
    erase_identity(session, ada, by=admin, confirmation=EMAIL, names=NAMES)
    session.flush()
    assert mentions_of(session, Person(email=EMAIL), NAMES) == [one for one in found if one.stays]
    assert sorted(tables_naming(session.connection(), "lovelace")) == ["audit", "consent_form"]
    assert [kept.key for kept in session.query(KeptAnswer)] == ["another"]
    (entry,) = (line.entry for line in audit_page(session, AuditFilter(action="person.erase")))
    assert (entry.actor_id, entry.subject_id, entry.detail) == (admin.id, ada.id, {"texts": 5})


def test_without_names_the_address_alone_is_looked_for(session: Session) -> None:
    ada = create_person(session, email=EMAIL, role=Role.RESEARCHER)
    write_about_her(session, ada)
    assert [one.text for one in mentions_of(session, ada, [])] == [
        f"{EMAIL} asked",
        f"Write to {EMAIL}",
        f'{{"title": ["Poems", "Poems of {EMAIL}"]}}',
    ]


def test_a_text_that_grows_still_fits_its_column(session: Session) -> None:
    ada = create_person(session, email=EMAIL, role=Role.RESEARCHER)
    create_api_token(session, make_person(session, role=Role.RESEARCHER), [TokenScope.READ], name="Li " * 66 + "Li")
    (mention,) = mentions_of(session, ada, ["Li"])
    assert mention == Mention("name of a token", mention.row, "Li " * 66 + "Li", ("[erased] " * 30)[:200], stays=False)
    erase_identity(session, ada, by=None, confirmation=EMAIL, names=["Li"])
