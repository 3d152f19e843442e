"""Images over the API: to hyperfit an image model on, and as passages of a study of images."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import app.api_files
from app.domain.studies import StudyPlan, create_study
from app.models import Checkpoint, HyperfitRun, HyperfitTexts, Passage
from app.models.passage import PassageState
from generation.images.checkpoints import save_new_model
from tests.app.api.conftest import Program
from tests.digits import PALETTE, write_digits
from tests.factories import make_checkpoint
from tests.tiny_model import tiny_tokenizer_json

RUNS = "/hyperfittings/images"
NEW = {"name": "mine", "base": "pictures", "samples": 4, "epochs": 1, "lr": 1e-3, "contexts": 1}
INTO = "/studies/digits/datasets/written/images"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_new_model(tmp_path_factory.mktemp("model") / "new", PALETTE, layers=1, size=16)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, str]]:
    """Four digits, the last one first."""
    folder = write_digits(tmp_path_factory.mktemp("digits"), 0, 4)
    return [file(one.name, one.read_bytes()) for one in sorted(folder.iterdir(), reverse=True)]


@pytest.fixture(autouse=True)
def _study(db: Session, model: Path) -> None:
    make_checkpoint(db, name="pictures", source=str(model))
    make_checkpoint(db, name="words", source=str(model.parent))
    create_study(db, StudyPlan("digits", "Digits", PALETTE.tokenizer_json(), ("written",)))
    db.commit()


def file(name: str, content: bytes) -> Mapping[str, str]:
    return {"name": name, "content": base64.b64encode(content).decode()}


def test_an_image_model_is_hyperfitted_on_images_as_on_the_page(
    researcher_program: Program, db: Session, digits: list[Mapping[str, str]]
) -> None:
    made = researcher_program.ask("POST", RUNS, json=NEW | {"images": digits}, key="one")
    again = researcher_program.ask("POST", RUNS, json=NEW | {"images": digits}, key="one")
    assert (made.status_code, again.json()) == (201, made.json())
    run = made.json()
    # 8 x 8 pixels and what begins an image; one epoch of 4 images in one batch of 8
    assert (run["state"], run["base"], run["config"]["length"], run["total_updates"]) == ("training", "pictures", 65, 1)
    kept = db.get_one(HyperfitTexts, db.scalars(select(HyperfitRun.texts_sha256)).one())
    assert (kept.name, len(kept.documents)) == ("4 files", 4)


@pytest.mark.parametrize("address", [RUNS, INTO])
@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ([file("a.png", b"no image")], "a.png: It is damaged, or no image"),
        ([{"name": "b.png", "content": "=="}], "b.png is not in base64"),
        ([{"name": "c.png", "content": 1}], "c.png is no text"),
        ([file("d.png", bytes(80))], "d.png has more than"),
        ([file("e.png", bytes(40)), file("f.png", bytes(40))], "With f.png the files have more than"),
        ([{"content": "AAAA"}], "Field required"),
        ([{"name": "../g.png\n", "content": "AAAA"}], "String should match pattern"),
        ([], "at least 1 item"),
    ],
)
def test_a_file_that_cannot_be_taken_is_named_and_nothing_of_the_others_is_kept(
    researcher_program: Program,
    db: Session,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    sent: list[Mapping[str, str]],
    says: str,
) -> None:
    monkeypatch.setattr(app.api_files, "LARGEST_FILE", 60)
    monkeypatch.setattr(app.api_files, "LARGEST_TOGETHER", 64)
    answer = researcher_program.ask("POST", address, json=(NEW if address == RUNS else {}) | {"images": sent})
    assert (answer.status_code, says in answer.text) == (422, True), answer.text
    assert db.scalars(select(HyperfitRun)).all() == []
    assert db.scalars(select(Passage)).all() == []
    assert db.scalar(select(Checkpoint).where(Checkpoint.name == "mine")) is None


def test_a_base_of_texts_and_a_taken_name_are_refused(
    researcher_program: Program, digits: list[Mapping[str, str]]
) -> None:
    for changed, status in (({"base": "none"}, 404), ({"base": "words"}, 400), ({"name": "words"}, 409)):
        assert researcher_program.ask("POST", RUNS, json=NEW | {"images": digits} | changed).status_code == status
    texts = {"name": "mine", "base": "pictures", "texts": [{"text": "A text."}]}
    assert "/hyperfittings/images" in researcher_program.ask("POST", "/hyperfittings", json=texts).text


def test_images_become_passages_of_a_study_of_images(
    researcher_program: Program, db: Session, digits: list[Mapping[str, str]]
) -> None:
    made = researcher_program.ask("POST", INTO, json={"images": digits, "accept": True}, key="two")
    again = researcher_program.ask("POST", INTO, json={"images": digits, "accept": True}, key="two")
    assert (made.status_code, made.json()["imported"], again.json()) == (201, 4, made.json())
    assert set(db.execute(select(Passage.width, Passage.state))) == {(8, PassageState.ACCEPTED)}
    # the same images in another request are there already
    assert researcher_program.ask("POST", INTO, json={"images": digits}).json()["already_there"] == 4


def test_a_study_of_texts_takes_no_images(
    researcher_program: Program, db: Session, digits: list[Mapping[str, str]]
) -> None:
    create_study(db, StudyPlan("poems", "Poems", tiny_tokenizer_json(), ("odes",)))
    db.commit()
    refused = researcher_program.ask("POST", "/studies/poems/datasets/odes/images", json={"images": digits})
    assert (refused.status_code, "is of texts" in refused.text) == (400, True)
