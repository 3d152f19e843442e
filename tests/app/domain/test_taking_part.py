"""What a study asks of its annotators, as researchers set it."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.faults import looped, of_length, shuffled, with_fault
from app.domain.taking_part import (
    AnnotatorRules,
    change_consent,
    change_guidelines,
    consent_form,
    read_consent,
    set_rules,
)
from app.errors import ToprankError
from app.models import ConsentForm, GuidelinesText
from app.models.taking_part import Fault
from tests.factories import make_study

TOML = """
purpose = "To learn what people prefer."
content_warning = "Some texts may upset you."
contact = "lab@lab.example"
review_board = "Exempt: no personal data is collected."
"""


def test_a_consent_form_is_read_from_toml_and_completed(session: Session) -> None:
    study = make_study(session, hourly_rate=12.5, currency="EUR")
    assert change_consent(session, study, read_consent(TOML)) == 1
    form = consent_form(session, study)
    assert form is not None
    assert "12.50 EUR" in form.pay
    yen = make_study(session, hourly_rate=1250, currency="JPY")
    change_consent(session, yen, read_consent(TOML))
    assert (
        "paid 1,250 JPY an hour" in session.scalars(select(ConsentForm.pay).where(ConsentForm.study_id == yen.id)).one()
    )
    assert "pseudonym" in form.publication
    assert form.review_board.startswith("Exempt")


def test_a_study_has_no_consent_form_by_default(session: Session) -> None:
    assert consent_form(session, make_study(session)) is None


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("purpose = ", "is no TOML"),
        (TOML.replace("contact", "kontakt"), "kontakt cannot be used"),
        (TOML.replace('"lab@lab.example"', "3"), "contact cannot be used"),
        (TOML.replace("lab@lab.example", " "), "lacks contact"),
    ],
)
def test_an_incomplete_consent_form_is_refused(toml: str, says: str) -> None:
    with pytest.raises(ToprankError, match=says):
        read_consent(toml)


def test_new_guidelines_are_a_new_version_and_the_same_again_are_none(session: Session) -> None:
    study = make_study(session)
    assert [change_guidelines(session, study, text) for text in ("Read.", "Read.\n", "Read twice.")] == [2, 2, 3]
    assert session.scalars(select(GuidelinesText.text).order_by(GuidelinesText.version)).all() == [
        "Read.\n",
        "Read twice.\n",
    ]
    assert study.guidelines_first


def test_empty_guidelines_are_refused(session: Session) -> None:
    with pytest.raises(ToprankError, match="are empty"):
        change_guidelines(session, make_study(session), " \n")


def test_only_the_rules_that_are_given_change(session: Session) -> None:
    study = make_study(session, break_minutes=50)
    set_rules(session, study, AnnotatorRules(asks_english=True))
    assert (study.asks_english, study.break_minutes) == (True, 50)
    with pytest.raises(ToprankError, match="makes no sense"):
        set_rules(session, study, AnnotatorRules(break_minutes=601))


def test_every_fault_is_as_long_as_the_text_and_differs_from_it() -> None:
    text, other = "one two three four five six seven eight nine ten", "quite another text"
    for fault in Fault:
        faulty = with_fault(text, fault, other=other, seed=1)
        assert len(faulty.split()) == 10
        assert (faulty == text) == (fault == Fault.SAME)


def test_one_word_cannot_be_shuffled() -> None:
    assert shuffled("the the the", seed=0) == "the the the"


def test_a_loop_repeats_its_beginning() -> None:
    assert looped("a b c d e f g h i j") == "a b c d e f g h a b"
    assert of_length("", 2) == " "
