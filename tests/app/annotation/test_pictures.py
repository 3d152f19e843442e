"""A study of images on the annotation page and on those of researchers."""

import re

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.page import read_page
from app.domain.images import ImageError, image_address, text_of_tokens
from app.domain.studies import study_palette
from app.domain.study_drafts import Copy, copy_study
from app.errors import ConflictError
from app.models import Passage, Study
from app.models.passage import PassageState
from app.passages.suspicions import check_passages
from app.passages.validating import edit
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool
from tests.image_pool import COLOURS, make_image_pool


def test_a_pair_is_drawn_in_its_display_order(session: Session) -> None:
    study, annotator = make_image_pool(session), make_person(session)
    held = claim(session, study, annotator.id)
    shown = read_page(session, study, annotator.id, held).shown
    assert shown is not None
    assert shown.pictures is not None
    assert shown.pictures.first == image_address(shown.context + shown.first, COLOURS)
    assert shown.pictures.second == image_address(shown.context + shown.second, COLOURS)
    assert (shown.pictures.side, shown.pictures.prompt_height) == (256, 64)


def test_a_study_of_texts_costs_no_further_query(session: Session) -> None:
    study, annotator = make_pool(session), make_person(session)
    held = claim(session, study, annotator.id)
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *call: statements.append(call[2]))
    assert read_page(session, study, annotator.id, held).shown is not None
    assert not any("reference_tokens" in statement for statement in statements)
    assert study_palette(session, study) is None


def test_an_image_study_whose_tokenizer_names_no_palette_says_so(session: Session) -> None:
    study, annotator = make_image_pool(session), make_person(session)
    study.reference_tokens_sha256 = make_pool(session).reference_tokens_sha256
    session.flush()
    with pytest.raises(ImageError, match="names no palette"):
        read_page(session, study, annotator.id, claim(session, study, annotator.id))


def test_researchers_see_images_where_texts_would_stand(db: Session, researcher: Browser) -> None:
    study = make_image_pool(db)
    study.open_to_look = True
    (waiting, *_) = db.scalars(select(Passage).order_by(Passage.id)).all()
    db.commit()
    image = re.compile(r'<img class="pixels" src="data:image/png;base64,[^"]+"')
    assert len(image.findall(researcher.get("/studies/pictures/texts").text)) == 4
    assert len(image.findall(researcher.get(f"/studies/pictures/texts/{waiting.id}").text)) == 2
    assert len(image.findall(researcher.get("/studies/pictures/passages").text)) == 4
    waiting.state = PassageState.PENDING
    db.commit()
    page = researcher.get("/studies/pictures/passages/validate").text
    assert len(image.findall(page)) == 1
    assert "Mend it by hand" not in page
    assert "figure-11" in researcher.get("/studies/pictures/results").text


def test_an_image_is_neither_suspected_nor_mended(session: Session) -> None:
    study = make_image_pool(session)
    passage = session.scalars(select(Passage).where(Passage.study_id == study.id)).first()
    assert passage is not None
    passage.state = PassageState.PENDING
    session.flush()
    assert check_passages(session, study, again=True) == 1
    assert passage.suspicions == []
    with pytest.raises(ConflictError, match="accepted or rejected as it is"):
        edit(session, study, passage.id, text_of_tokens([0] * 64))
    assert session.get_one(Study, study.id).modality == "image"


def test_a_copy_of_a_study_of_images_is_one_too(session: Session) -> None:
    study = make_image_pool(session)
    made = copy_study(session, study, Copy(slug="again", title="Again", passages=True))
    widths = session.scalars(select(Passage.width).where(Passage.study_id == made.id)).all()
    assert (made.modality, widths) == ("image", [8] * 4)
