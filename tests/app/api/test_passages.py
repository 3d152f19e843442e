"""/api/v1/studies/{slug}/passages: texts in, verdicts, and nothing of other studies."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.models import ReferenceTokens
from app.models.study import StudyState
from tests.app.api.conftest import Program
from tests.factories import make_dataset, make_study
from tests.tiny_model import sample_text, tiny_tokenizer_json


@pytest.fixture(autouse=True)
def _studies(db: Session) -> None:
    for slug in ("poems", "prose"):
        make_dataset(db, make_study(db, slug=slug, state=StudyState.DRAFT), name="odes")
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    db.commit()


def bring_in(program: Program, count: int = 2) -> list[int]:
    texts = [{"text": sample_text(number), "source": "a book"} for number in range(count)] + [{"text": "Too short."}]
    imported = program.ask("POST", "/studies/poems/datasets/odes/passages", json={"texts": texts})
    assert imported.status_code == 201, imported.text
    assert (imported.json()["imported"], imported.json()["numbers"]) == (count, {"too_short": [count + 1]})
    return [one["id"] for one in program.ask("GET", "/studies/poems/passages").json()["entries"]]


def test_a_program_brings_texts_in_and_judges_them(researcher_program: Program) -> None:
    first, second = bring_in(researcher_program)
    path = f"/studies/poems/passages/{first}"
    cut = researcher_program.ask("POST", f"{path}/trim", json={"direction": "later"}).json()
    assert cut["state"] == "pending"
    mended = cut["context"] + cut["original"].replace("house", "hut", 1)
    assert researcher_program.ask("PUT", f"{path}/text", json={"text": mended}).json()["unedited"]
    assert researcher_program.ask("PUT", f"{path}/verdict", json={"verdict": "accept"}).json()["state"] == "edited"
    verdict = {"verdict": "reject", "reason": "dull"}
    rejected = researcher_program.ask("PUT", f"/studies/poems/passages/{second}/verdict", json=verdict, key="one")
    again = researcher_program.ask("PUT", f"/studies/poems/passages/{second}/verdict", json=verdict, key="one")
    assert rejected.json() == again.json()
    assert (rejected.json()["state"], rejected.json()["reason"]) == ("rejected", "dull")
    back = researcher_program.ask("PUT", f"{path}/verdict", json={"verdict": "reconsider"}).json()
    assert back["state"] == "pending"
    (counts,) = researcher_program.ask("GET", "/studies/poems/validation").json()["entries"]
    assert (counts["pending"], counts["rejected"]) == (1, 1)
    listed = researcher_program.ask("GET", "/studies/poems/passages?state=rejected&dataset=odes").json()
    assert [one["id"] for one in listed["entries"]] == [second]
    assert researcher_program.ask("GET", path).json()["id"] == first


def test_another_study_s_passage_is_not_to_be_had(researcher_program: Program) -> None:
    first, *_ = bring_in(researcher_program, 1)
    path = f"/studies/prose/passages/{first}"
    requests = [
        ("GET", path, None),
        ("PUT", f"{path}/verdict", {"verdict": "accept"}),
        ("POST", f"{path}/trim", {"direction": "later"}),
        ("PUT", f"{path}/text", {"text": "Mine."}),
    ]
    for method, address, body in requests:
        assert researcher_program.ask(method, address, json=body).status_code == 404
