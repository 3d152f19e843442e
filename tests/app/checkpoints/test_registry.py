"""/checkpoints: what each checkpoint consists of, where it came from, and what can be done about it."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.checkpoints.lineage import describe
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import add_trained, finish_training
from app.domain.registry import note_files
from app.models import Checkpoint, HyperfitPoint, HyperfitRun, Upload
from app.models.checkpoint import CheckpointState
from app.templating import in_bytes
from tests.app.checkpoints.sending import API, listing
from tests.app.checkpoints.test_hyperfitting import make_point
from tests.factories import make_checkpoint


def send(researcher, folder: Path, name: str = "mine") -> dict:
    said = {"name": name, "files": listing(folder)}
    answer = researcher.post(f"{API}/uploads", json=said, headers={"X-CSRF-Token": researcher.form_token})
    assert answer.status_code == 201
    return answer.json()


def test_an_upload_is_shown_while_it_is_tried_and_when_it_failed(sender, researcher, folder, db: Session) -> None:
    (folder / "toprank.json").write_text('{"base": "<b>other", "seed": 7, "config": {"lr": 1e-6}, "data": ["x"]}')
    standing = sender.upload(folder).json()
    path = f"/checkpoints/{standing['id']}"

    page = researcher.get(path).text

    assert "every 3s" in page
    assert "A worker loads it" in page
    assert "&lt;b&gt;other" in page
    assert "nobody here has checked it" in page
    assert all(file["sha256"] in page for file in standing["files"])
    assert "@example.org" in page  # who sent it
    assert path in researcher.get("/checkpoints").text
    made = db.get_one(Checkpoint, standing["id"])
    made.state, made.reason = CheckpointState.FAILED, "Its weights are spoilt."
    db.commit()
    fragment = researcher.get(path, headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert "Its weights are spoilt." in fragment
    assert "every 3s" not in fragment


def bring_curve(folder: Path, *updates: int, **lineage: object) -> None:
    """What `toprank hyperfit` leaves beside the weights."""
    points = [make_point(update, train_loss=3.0 - update / 10) for update in updates]
    (folder / "curve.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points))
    record = {"base": "<b>other", "ended": "at the <b>last update", "seed": 7, "data_sha256": "ab" * 32, **lineage}
    (folder / "toprank.json").write_text(json.dumps(record))


def test_a_curve_that_comes_along_is_drawn_with_its_lineage(sender, researcher, folder, db: Session) -> None:
    bring_curve(folder, 0, 4, 8, config={"samples": 16, "lr": 1e-6, "order": ["given"]}, code="toprank 1 (abc)")
    made = sender.upload(folder).json()["id"]

    run = db.get_one(HyperfitRun, made)

    assert (run.base_id, run.texts_sha256, run.updates, run.total_updates) == (None, None, 8, 8)
    assert run.config == {"samples": 16, "lr": 1e-6}  # plain values alone: results read them
    about = researcher.get(f"/checkpoints/{made}").text
    assert all(said in about for said in ("nobody here has checked it", "ab" * 32, "toprank 1 (abc)"))
    assert f"/checkpoints/{made}/hyperfitting" in about
    page = researcher.get(f"/checkpoints/{made}/hyperfitting").text
    assert "Loss over 8 updates; latest: training 2.200, held out 3.000" in page
    assert page.count("<polyline") == 5
    assert "8 updates, ended at the &lt;b&gt;last update" in page
    assert "from <strong>&lt;b&gt;other</strong> elsewhere" in page
    assert "&lt;b&gt;Once" in page
    assert "Go on" not in page
    assert researcher.submit(f"/checkpoints/{made}/hyperfitting").status_code == 303  # which changes nothing
    db.expire_all()
    assert db.get_one(Checkpoint, made).state is CheckpointState.VALIDATING


def test_a_record_of_nonsense_is_drawn_as_far_as_it_makes_sense(sender, researcher, folder, db: Session) -> None:
    bring_curve(folder, 0, base={"x": 1}, ended=["x"], config={"samples": "many", "seed": "\\u0000"})
    made = sender.upload(folder).json()["id"]

    page = researcher.get(f"/checkpoints/{made}/hyperfitting").text

    assert db.get_one(HyperfitRun, made).config == {"seed": "\\u0000"}
    assert ("Hyperfitted elsewhere" in page, ", ended" in page) == (True, False)
    assert "Loss over 1 updates" in page


def test_one_that_is_sent_anew_has_the_record_that_came_with_it(sender, folder, db: Session) -> None:
    bring_curve(folder, 0, 4)
    made = sender.upload(folder).json()["id"]
    db.get_one(Checkpoint, made).state = CheckpointState.FAILED
    db.commit()

    bring_curve(folder, 0, 2, 6)
    sender.upload(folder)
    assert db.scalars(select(HyperfitPoint.update).order_by(HyperfitPoint.update)).all() == [0, 2, 6]
    db.get_one(Checkpoint, made, populate_existing=True).state = CheckpointState.FAILED
    db.commit()
    (folder / "curve.jsonl").unlink()
    assert sender.upload(folder).status_code == 202
    assert db.scalars(select(HyperfitRun)).all() == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("curve.jsonl", '{"update": 0}\n', "curve.jsonl: line 1: epoch: Field required."),
        ("toprank.json", '{"code": "\\u0000"}', "toprank.json: it holds what no database keeps"),
        ("toprank.json", '{"code": "\\\\\\u0000"}', "toprank.json: it holds what no database keeps"),
        ("toprank.json", '{"code": "\\ud800"}', "toprank.json: it holds what no database keeps"),
        ("toprank.json", '{"train_loss": NaN}', "toprank.json: it holds what no database keeps"),
        ("toprank.json", '{"train_loss": 1e999}', "toprank.json: it holds what no database keeps"),
    ],
)
def test_a_record_that_cannot_be_kept_is_refused(sender, folder, name: str, content: str, reason: str) -> None:
    (folder / name).write_text(content)

    refused = sender.upload(folder)

    assert refused.status_code == 422
    assert reason in refused.json()["detail"]


def test_a_failed_one_is_tried_again_at_a_click(sender, researcher, folder, db: Session) -> None:
    standing = sender.upload(folder).json()
    made = db.get_one(Checkpoint, standing["id"])
    made.state, made.reason = CheckpointState.FAILED, "Too little memory."
    db.commit()

    assert researcher.submit(f"/checkpoints/{made.id}/validate").status_code == 303
    db.refresh(made)
    assert made.state is CheckpointState.FAILED  # its first job still waits
    db.connection().exec_driver_sql("UPDATE procrastinate.procrastinate_jobs SET lock = NULL")
    db.commit()
    researcher.submit(f"/checkpoints/{made.id}/validate")
    db.refresh(made)
    assert (made.state, made.reason) == (CheckpointState.VALIDATING, None)


def test_a_trained_one_shows_its_lineage_files_and_curve(researcher, folder, db: Session) -> None:
    make_checkpoint(db, name="tiny")
    plan = HyperfitPlan(
        name="trained", base="tiny", texts_name="words.txt", texts=[Text("one text")], config={}, total_updates=2
    )
    made = add_trained(db, plan, folder)
    finish_training(
        db, made.id, {"base": "tiny", "data_sha256": "ab" * 32, "train_loss": 0.012345, "config": {"lr": 1}}
    )
    db.commit()

    page = researcher.get(f"/checkpoints/{made.id}").text

    assert f"/checkpoints/{made.id}/hyperfitting" in page
    assert "ab" * 32 in page
    assert "0.01235" in page
    assert "model.safetensors" in page
    assert "nobody here has checked it" not in page


def test_an_unfinished_upload_is_shown_to_its_sender_and_can_be_cancelled(researcher, admin, folder, db, store) -> None:
    begun = send(researcher, folder)

    page = researcher.get("/checkpoints/upload").text

    assert f"/checkpoints/upload/{begun['id']}/cancel" in page
    assert "0\u00a0B of" in page
    assert begun["id"] not in admin.get("/checkpoints/upload").text
    assert admin.submit(f"/checkpoints/upload/{begun['id']}/cancel").status_code == 404
    assert researcher.submit(f"/checkpoints/upload/{begun['id']}/cancel").status_code == 303
    assert db.scalars(select(Upload)).all() == []
    assert list(store.uploads.iterdir()) == []
    assert "Its files are on their way" not in researcher.get("/checkpoints").text


def test_files_of_a_folder_are_noted_and_those_of_a_hub_are_not_known(folder: Path, session: Session) -> None:
    made = make_checkpoint(session)
    (folder / "notes.doc").write_text("not part of it")
    for _ in range(2):
        note_files(session, made, folder)
    note_files(session, make_checkpoint(session), Path("org/model"))
    names = session.scalars(select(Checkpoint.name)).all()
    assert len(names) == 2


def test_a_record_that_says_nothing_is_none() -> None:
    assert describe(None) is None
    assert describe({}) is None
    told = describe({"base": True, "code": "x" * 300, "config": "no object"})
    assert told is not None
    assert told.config == ""
    assert list(told.facts) == ["Code"]
    assert len(told.facts["Code"]) == 200


def test_sizes_are_read_easily() -> None:
    assert [in_bytes(size) for size in (0, 1999, 1_234_567, 5e9)] == [
        "0\u00a0B",
        "2.0\u00a0kB",
        "1.2\u00a0MB",
        "5.0\u00a0GB",
    ]


def test_one_of_the_hub_is_added_by_its_id_and_no_folder_of_the_server(researcher, db: Session, tmp_path: Path) -> None:
    done = researcher.submit("/checkpoints", name="large", hub_id="org/model-1.5", instruct="true")
    made = db.scalars(select(Checkpoint)).one()
    assert done.headers["location"] == f"/checkpoints/{made.id}"
    assert (made.source, made.instruct) == ("org/model-1.5", True)
    assert "Add one from the hub" in researcher.get("/checkpoints").text
    assert researcher.submit("/checkpoints", name="large", hub_id="org/other").status_code == 409
    for folder in (str(tmp_path), "../store", "./models"):
        assert researcher.submit("/checkpoints", name="small", hub_id=folder).status_code in (400, 422)
