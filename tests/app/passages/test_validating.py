"""Validation, on the page and by the API: one verdict a passage, kept with its reason, before anything continues it."""

import re

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.images import Palette, text_of_tokens
from app.domain.reference_tokens import ReferenceTokenizer
from app.domain.studies import StudyPlan, create_study
from app.models import AuditEntry, Dataset, Passage, ReferenceTokens, Study
from app.models.passage import PassageState
from app.models.study import StudyState
from app.passages.importing import import_passages
from app.texts.source_text import SourceText
from tests.app.conftest import Browser
from tests.factories import make_continuation, make_dataset, make_study, make_system
from tests.tiny_model import sample_text, tiny_tokenizer_json


@pytest.fixture
def study(db: Session) -> Study:
    """A draft with three passages that wait, of two datasets."""
    study = make_study(db, slug="poems", state=StudyState.DRAFT)
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    for number, name in enumerate(("odes", "odes", "sonnets")):
        dataset = db.scalar(select(Dataset).where(Dataset.name == name)) or make_dataset(db, study, name=name)
        dataset.study = study
        text = SourceText(sample_text(number), 1, "a book")
        import_passages(db, dataset, [text], ReferenceTokenizer(tiny_tokenizer_json()))
    db.commit()
    return study


def passages(db: Session) -> list[Passage]:
    db.commit()
    return list(db.scalars(select(Passage).order_by(Passage.id).execution_options(populate_existing=True)))


def states(db: Session) -> list[str]:
    return [str(passage.state) for passage in passages(db)]


def submit(browser: Browser, passage: Passage, deed: str, **fields: object) -> str:
    done = browser.submit(f"/studies/poems/passages/{passage.id}/{deed}", **fields)
    assert done.status_code == 303, done.text
    return str(done.headers["location"])


def test_passages_are_read_one_by_one_until_none_waits(researcher: Browser, db: Session, study: Study) -> None:
    first, second, third = passages(db)
    page = researcher.get("/studies/poems/passages/validate?dataset=odes").text
    assert f"Passage {first.id} " in page
    assert "0 of 100 accepted, 2 waiting" in page
    where = submit(researcher, first, "accept", dataset="odes")
    assert where == f"/studies/poems/passages/validate?dataset=odes&last={first.id}"
    assert f"Passage {second.id} " in researcher.get(where).text
    where = submit(researcher, second, "reject", dataset="odes", reason="a  duplicate")
    page = researcher.get(where).text
    assert "No passage of odes waits" in page
    assert f"/passages/{second.id}/reconsider" in page
    assert f"Passage {third.id} " in researcher.get("/studies/poems/passages/validate").text
    assert states(db) == ["accepted", "rejected", "pending"]
    assert second.reason == "a duplicate"
    assert first.validated_by_id is not None
    assert first.validated_at is not None


def test_a_verdict_is_given_once_and_can_be_taken_back(researcher: Browser, db: Session, study: Study) -> None:
    first = passages(db)[0]
    submit(researcher, first, "accept")
    again = researcher.submit(f"/studies/poems/passages/{first.id}/reject", reason="late")
    assert (again.status_code, "is accepted already" in again.text) == (409, True)
    assert submit(researcher, first, "reconsider") == "/studies/poems/passages/validate"
    assert states(db)[0] == "pending"
    assert (first.validated_by_id, first.reason) == (None, None)
    assert researcher.submit(f"/studies/poems/passages/{first.id}/reconsider").status_code == 409


def test_what_a_system_has_continued_keeps_its_verdict(researcher: Browser, db: Session, study: Study) -> None:
    first = passages(db)[0]
    submit(researcher, first, "accept")
    make_continuation(db, make_system(db, study), first)
    db.commit()
    refused = researcher.submit(f"/studies/poems/passages/{first.id}/reconsider")
    assert (refused.status_code, "its verdict stays" in refused.text) == (409, True)


def test_no_continuation_is_on_the_page(researcher: Browser, db: Session, study: Study) -> None:
    first = passages(db)[0]
    make_continuation(db, make_system(db, study), first, text=" written by a machine")
    db.commit()
    assert "written by a machine" not in researcher.get("/studies/poems/passages/validate").text


def test_a_passage_begins_at_another_sentence(researcher: Browser, db: Session, study: Study) -> None:
    first = passages(db)[0]
    text, start = first.text, first.start
    submit(researcher, first, "trim", direction="later", dataset="odes")
    first = passages(db)[0]
    assert first.start > start
    assert first.text != text
    assert len(first.token_ids) == 256
    assert first.text in str(first.full_text)
    assert first.suspicions is not None
    submit(researcher, first, "trim", direction="earlier")
    first = passages(db)[0]
    assert (first.text, first.start, first.unedited) == (text, start, None)
    refused = researcher.submit(f"/studies/poems/passages/{first.id}/trim", direction="earlier")
    assert (refused.status_code, "No earlier sentence" in refused.text) == (409, True)


def test_a_mended_passage_keeps_its_text_and_is_left_out_until_it_is_used(
    researcher: Browser, db: Session, study: Study
) -> None:
    first = passages(db)[0]
    before = first.text
    mended = before.replace("old", "very old", 1)
    submit(researcher, first, "edit", text=mended.replace("\n", "\r\n"))
    unlucky = researcher.submit(f"/studies/poems/passages/{first.id}/edit", text=mended.replace("very", "quite", 1))
    assert (unlucky.status_code, "would end inside a word" in unlucky.text) == (400, True)
    submit(researcher, first, "edit", text=passages(db)[0].text.replace("drawer", "cupboard", 1))
    first = passages(db)[0]
    assert first.unedited == before
    assert "very old" in first.text
    assert "cupboard" in first.text
    assert len(first.token_ids) == 256
    page = researcher.get("/studies/poems/passages/validate").text
    assert ">edited</span>" in page
    submit(researcher, first, "accept")
    assert states(db)[0] == "edited"
    assert "1 edited passages of odes are left out" in researcher.get("/studies/poems/passages").text
    used = researcher.submit("/studies/poems/passages/use-edited", dataset="odes")
    assert used.status_code == 303
    assert states(db)[0] == "accepted"
    listed = researcher.get("/studies/poems/passages?state=accepted").text
    assert "edited by hand" in listed
    assert "Before it was edited" in listed
    told = [action for action in db.scalars(select(AuditEntry.action)) if action.startswith(("passage", "study.use"))]
    assert told == ["passage.edit", "passage.edit", "passage.accept", "study.use_edited"]


def test_a_text_that_makes_no_passage_is_refused(researcher: Browser, db: Session, study: Study) -> None:
    first, second, _ = passages(db)
    path = f"/studies/poems/passages/{first.id}"
    db.execute(update(Passage).values(full_text=None, start=0))
    db.commit()
    short = researcher.submit(f"{path}/edit", text="Too short.")
    assert (short.status_code, "a passage needs 256" in short.text) == (400, True)
    assert researcher.submit(f"{path}/edit", text="x" * 60_000).status_code == 400
    same = researcher.submit(f"{path}/edit", text=second.text)
    assert (same.status_code, "exactly this text already" in same.text) == (409, True)
    assert researcher.submit(f"{path}/edit", text=first.text).status_code == 303
    assert passages(db)[0].unedited is None
    assert researcher.submit(f"{path}/reject", reason=" ").status_code == 400


def test_a_closed_study_takes_no_verdict(researcher: Browser, db: Session, study: Study) -> None:
    db.execute(update(Study).values(state=StudyState.CLOSED))
    db.commit()
    first = passages(db)[0]
    for deed, fields in {
        "accept": {},
        "reconsider": {},
        "reject": {"reason": "x"},
        "trim": {"direction": "later"},
    }.items():
        refused = researcher.submit(f"/studies/poems/passages/{first.id}/{deed}", **fields)
        assert (refused.status_code, "is closed" in refused.text) == (409, True)


def test_another_study_s_passage_is_not_to_be_had(researcher: Browser, db: Session, study: Study) -> None:
    make_study(db, slug="other")
    db.commit()
    first = passages(db)[0]
    deeds = {"accept": {}, "reject": {"reason": "x"}, "trim": {"direction": "later"}, "edit": {"text": "x"}}
    for deed, fields in (deeds | {"reconsider": {}}).items():
        assert researcher.submit(f"/studies/other/passages/{first.id}/{deed}", **fields).status_code == 404
    assert states(db) == ["pending"] * 3


def test_checks_are_run_again_and_shown(researcher: Browser, db: Session, study: Study) -> None:
    db.execute(update(Passage).values(suspicions=None))
    db.commit()
    assert "not checked yet" in researcher.get("/studies/poems/passages/validate").text
    assert researcher.submit("/studies/poems/passages/check", dataset="odes").status_code == 303
    assert "repetitive?" in researcher.get("/studies/poems/passages/validate").text
    db.execute(update(Passage).values(suspicions=["near_duplicate:7"]))
    db.commit()
    assert "nearly passage 7?" in researcher.get("/studies/poems/passages/validate").text


def test_the_list_is_filtered_and_comes_in_pages(
    researcher: Browser, db: Session, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.passages.routes.PAGE", 1)
    page = researcher.get("/studies/poems/passages?dataset=odes&state=pending").text
    address = re.search(r'href="(/studies/poems/passages\?[^"]*after=\d+)"', page)
    assert address
    second = researcher.get(address[1].replace("&amp;", "&")).text
    assert "after=" not in second
    assert f"<strong>{passages(db)[1].id}</strong>" in second
    assert "No such passage." in researcher.get("/studies/poems/passages?state=rejected").text
    assert researcher.get("/studies/poems/passages?dataset=none").status_code == 404


def test_a_reserved_passage_has_no_verdict_to_take_back(researcher: Browser, db: Session, study: Study) -> None:
    first = passages(db)[0]
    first.state = PassageState.RESERVED
    db.commit()
    assert researcher.submit(f"/studies/poems/passages/{first.id}/reconsider").status_code == 409


def test_an_image_is_seen_and_stays_as_it_is(researcher: Browser, db: Session) -> None:
    palette = Palette(bytes([0, 0, 0, 255, 255, 255]), 4)
    plan = StudyPlan("pixels", "Pixels", palette.tokenizer_json(), ("digits",))
    pixels = create_study(db, plan)
    dataset = db.scalars(select(Dataset).where(Dataset.study_id == pixels.id)).one()
    dataset.study = pixels
    picture = SourceText(text_of_tokens([0, 1] * 8), 1)
    import_passages(db, dataset, [picture], ReferenceTokenizer(palette.tokenizer_json()))
    db.commit()
    (passage,) = passages(db)
    assert passage.suspicions == []
    for page in ("passages/validate", "passages"):
        assert 'src="data:image/png;base64,' in researcher.get(f"/studies/pixels/{page}").text
    for deed, fields in {"trim": {"direction": "later"}, "edit": {"text": "x"}}.items():
        refused = researcher.submit(f"/studies/pixels/passages/{passage.id}/{deed}", **fields)
        assert (refused.status_code, "An image is accepted or rejected" in refused.text) == (409, True)
    assert researcher.submit(f"/studies/pixels/passages/{passage.id}/accept").status_code == 303
    copied = researcher.submit("/studies/new", title="Again", slug="again", copy_of="pixels", passages="true")
    assert copied.status_code == 303
    assert [one.width for one in passages(db)] == [4, 4]
