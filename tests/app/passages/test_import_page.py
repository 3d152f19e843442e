"""/studies/{slug}/passages/import: files become passages, all of them or none."""

import io
import json

import pytest
from httpx2 import Response
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.studies import StudyPlan, create_study
from app.models import AuditEntry, Passage, ReferenceTokens, Study
from app.models.passage import PassageState
from app.models.study import StudyState
from generation.images.palettes import greys
from tests.app.conftest import ORIGIN, Browser
from tests.factories import make_dataset, make_study
from tests.tiny_model import sample_text, tiny_tokenizer_json


@pytest.fixture(autouse=True)
def study(db: Session) -> Study:
    study = make_study(db, slug="poems", state=StudyState.DRAFT)
    make_dataset(db, study, name="odes")
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    db.commit()
    return study


def send(browser: Browser, *files: tuple[str, bytes], slug: str = "poems", **fields: str) -> Response:
    said = {"csrf_token": browser.form_token, "dataset": "odes", **fields}
    parts = [("files", file) for file in files]
    headers = {"Origin": ORIGIN}
    return browser.post(f"/studies/{slug}/passages/import", data=said, files=parts, headers=headers)


def passages(db: Session) -> list[Passage]:
    db.rollback()
    return list(db.scalars(select(Passage).order_by(Passage.id)))


def test_texts_of_several_files_wait_for_somebody_to_read_them(researcher: Browser, db: Session) -> None:
    assert "JSON lines, CSV" in researcher.get("/studies/poems/passages/import?dataset=odes").text
    lines = "\n".join(json.dumps({"body": sample_text(number)}) for number in (1, 2)).encode()
    done = send(researcher, ("a.jsonl", lines), ("b.csv", b"body\nToo short.\n"), column="body")
    assert "2 of 3 texts came in as passages of odes." in done.text
    assert "1 have fewer than 256 tokens (line 2)." in done.text
    assert [one.state for one in passages(db)] == [PassageState.PENDING] * 2
    again = send(researcher, ("a.jsonl", lines), column="body")
    assert "0 of 2 texts came in" in again.text
    assert "2 were there already" in again.text
    told = db.scalars(select(AuditEntry).where(AuditEntry.action == "study.import_passages")).one()
    assert (told.detail["dataset"], told.detail["passages"]) == ("odes", 2)


def test_what_somebody_has_read_is_accepted_at_once(researcher: Browser, db: Session) -> None:
    send(researcher, ("a.txt", sample_text(1).encode()), accept="true")
    send(researcher, ("b.txt", sample_text(2).encode()), unjudged="true")
    assert [(one.state, one.unjudged) for one in passages(db)] == [("accepted", False), ("accepted", True)]


def test_a_file_that_cannot_be_read_brings_nothing_in(researcher: Browser, db: Session) -> None:
    fine = ("a.txt", sample_text(1).encode())
    for file, says in (
        (("b.csv", b"body\nx\n"), "has no text in the column"),
        (("c.exe", b"MZ"), "Files of texts end in"),
    ):
        refused = send(researcher, fine, file)
        assert (refused.status_code, says in refused.text) == (422, True)
    assert send(researcher, fine, dataset="none").status_code == 404
    assert send(researcher, ("", b"")).status_code in (400, 422)
    assert passages(db) == []


def test_a_path_before_a_file_s_name_leads_nowhere(researcher: Browser, db: Session) -> None:
    for number, name in enumerate(("../../a.txt", "C:\\texts\\a.txt", "/etc/a.txt"), 1):
        assert send(researcher, (name, sample_text(number).encode())).status_code == 200
        assert len(passages(db)) == number


def test_a_closed_study_takes_no_more(researcher: Browser, db: Session) -> None:
    db.execute(update(Study).values(state=StudyState.CLOSED))
    db.commit()
    assert send(researcher, ("a.txt", sample_text(1).encode())).status_code == 409
    assert "it takes no more passages" in researcher.get("/studies/poems/passages/import").text
    assert ">Import</a>" not in researcher.get("/studies/poems/passages").text


def test_images_come_as_files_of_their_own(researcher: Browser, db: Session) -> None:
    from PIL import Image

    create_study(db, StudyPlan("digits", "Digits", greys(5, 4).tokenizer_json(), ("odes",)))
    db.commit()
    pictures = []
    for shade in (0, 255):
        drawn = io.BytesIO()
        Image.new("L", (4, 4), shade).save(drawn, "PNG")
        pictures.append((f"{shade}.png", drawn.getvalue()))
    assert "Import images" in researcher.get("/studies/digits/passages/import").text
    assert "2 of 2 images came in" in send(researcher, *pictures, slug="digits").text
    assert [one.width for one in passages(db)] == [4, 4]
    assert send(researcher, ("broken.png", b"no image"), slug="digits").status_code == 422
