"""Notes to the researchers: kept once, about one's own comparisons only, without touching the judgement."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.domain.flags import flag, flagged
from app.domain.pseudonyms import pseudonym
from app.errors import NotFoundError, ToprankError
from app.models import Assignment, Flag, Study, System
from app.models.annotation import AssignmentState
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool
from tests.serving import CLAIM


def test_a_note_is_kept_with_the_comparison_and_the_pseudonym(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    assert flag(session, annotator.id, shown, "  Half of it is French. ") == study.id
    (note,) = flagged(session, study)
    assert (note.note, note.annotator) == ("Half of it is French.", pseudonym(study, annotator.id))
    assert note.context.startswith("Context")


def test_the_same_note_sent_again_is_kept_once(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    for note in ("French", "French", "and rude"):
        flag(session, annotator.id, shown, note)
    assert [row.note for row in session.scalars(select(Flag).order_by(Flag.id))] == ["French", "and rude"]


def test_an_empty_note_and_somebody_else_s_comparison_are_refused(session: Session) -> None:
    study, annotator, other = make_pool(session), make_person(session), make_person(session)
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    with pytest.raises(ToprankError, match="is empty"):
        flag(session, annotator.id, shown, " \x00 ")
    with pytest.raises(NotFoundError):
        flag(session, other.id, shown, "not mine")
    assert flagged(session, study) == []


def flag_on_page(browser: Browser, study: Study, **options: dict[str, str]) -> tuple[int, str]:
    found = CLAIM.search(browser.get(f"/annotate?study={study.slug}").text)
    assert found
    sent = browser.submit("/annotate/flag", claim=found[1], note="Look at this", **options)
    return sent.status_code, sent.headers.get("location", "")


def test_a_flag_leaves_the_comparison_to_be_judged(annotator: Browser, db: Session) -> None:
    study = make_pool(db)
    db.commit()
    assert flag_on_page(annotator, study) == (303, f"/annotate?study={study.slug}")
    assert flag_on_page(annotator, study, headers={"HX-Request": "true"}) == (204, "")
    assert db.scalars(select(Assignment.state)).all() == [AssignmentState.SHOWN]
    assert len(db.scalars(select(Flag)).all()) == 1


def test_researchers_read_the_notes_on_a_page_that_names_no_system(
    annotator: Browser, researcher: Browser, db: Session
) -> None:
    study = make_pool(db)
    db.commit()
    path = f"/studies/{study.slug}/quality"
    assert "Nobody has flagged anything" in researcher.get(f"{path}/flags").text
    flag_on_page(annotator, study)
    page = researcher.get(f"{path}/flags").text
    assert "Look at this" in page
    assert "Context" in page
    assert db.scalars(select(System.name)).one() not in page
    assert "Notes from annotators (1)" in researcher.get(path).text
