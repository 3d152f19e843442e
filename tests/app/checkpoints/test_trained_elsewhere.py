"""A worker whose store is another sends what it trained as people send theirs, and its job ends when that is there."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.checkpoints.announcing import used_bytes
from app.checkpoints.janitor import tidy
from app.domain.hyperfit_curves import hyperfitting_of
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import fail_training, order_training, queue_training, trained_folder
from app.domain.store import STORED, Store
from app.errors import UnavailableError
from app.models import Checkpoint, Person, Upload, UploadFile
from app.models.checkpoint import CheckpointState
from app.models.person import Role, TokenScope
from app.settings import Settings
from generation.generate import Outcome
from generation.transfer import file_sender
from generation.transfer.file_sender import FileSender
from generation.validating import ValidationOrder, validate
from hyperfitting.job import HyperfitOrder, train
from tests.app.checkpoints.sending import Sender, listing
from tests.factories import make_checkpoint, make_person
from tests.hyperfitting.conftest import SMALL, make_documents
from tests.serving import serve


@pytest.fixture
def person(db: Session) -> Person:
    """Whose token the worker has."""
    return make_person(db, role=Role.ADMIN)


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """The web app, which has the store."""
    with serve(settings) as address:
        yield address


@pytest.fixture
def cache(address: str, db: Session, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process is a worker on another machine: its store is another folder, and it knows where the web app is."""
    token = create_api_token(db, person, [TokenScope.WORKER])
    db.commit()
    for name, value in (
        ("STORE", tmp_path / "elsewhere"),
        ("CACHE", tmp_path / "cache"),
        ("SERVER", address),
        ("WORKER_TOKEN", token),
    ):
        monkeypatch.setenv(f"TOPRANK_{name}", str(value))
    return tmp_path / "cache"


@pytest.fixture
def ordered(db: Session, database_url: str, store: Store, tiny_checkpoint: Path) -> HyperfitOrder:
    """A run that somebody ordered on a page of the web app."""
    make_checkpoint(db, name="tiny", source=str(tiny_checkpoint))
    texts = [Text(one.text, one.source) for one in make_documents(30)]
    plan = HyperfitPlan("made", "tiny", "words.jsonl", texts, SMALL.as_json(), SMALL.total_updates)
    made = order_training(db, plan, trained_folder(store.root, "made"))
    db.commit()
    return HyperfitOrder(database_url, made.id)


@pytest.fixture
def worker(app: FastAPI, db: Session, person: Person) -> Sender:
    """The worker's own requests, one by one."""
    return Sender(app, db, person, TokenScope.WORKER)


def made_by(db: Session, order: HyperfitOrder) -> Checkpoint:
    db.expire_all()
    return db.get_one(Checkpoint, order.checkpoint_id)


def announce(worker: Sender, order: HyperfitOrder, folder: Path) -> Any:
    return worker.ask("POST", f"/checkpoints/{order.checkpoint_id}/uploads", json={"files": listing(folder)})


def test_what_is_trained_elsewhere_comes_into_the_store_and_is_tried_like_any_upload(
    db: Session, ordered: HyperfitOrder, cache: Path, store: Store, researcher
) -> None:
    named = Path(made_by(db, ordered).source)

    assert train(ordered) is Outcome.DONE

    made = made_by(db, ordered)
    assert (made.state, made.source[: len(STORED)]) == (CheckpointState.VALIDATING, STORED)
    sha256 = made.source.removeprefix(STORED)
    assert (store.checkpoint(sha256) / "citation_index" / "keys.npy").is_file()
    assert not named.exists()
    assert not list((cache / "trained").iterdir())
    found = hyperfitting_of(db, made)
    assert found is not None
    assert found.run.finished_at is not None
    assert found.run.lineage is not None
    assert found.run.lineage["config"] == SMALL.as_json()
    assert [point.update for point in found.points] == [0, 2, 4, 6]  # by the worker's own connection, and not twice
    assert not queue_training(db, made)
    waiting = text("SELECT task_name FROM procrastinate.procrastinate_jobs ORDER BY id DESC LIMIT 1")
    assert db.scalars(waiting).one() == "validation:validate"
    page = researcher.get(f"/checkpoints/{made.id}/hyperfitting").text
    assert "validating" in page
    assert "every 5s" in page
    db.commit()

    # the same worker has it already; another would fetch it
    assert (cache / "checkpoints" / sha256 / "model.safetensors").is_file()
    assert validate(ValidationOrder(ordered.database_url, made.id)) is Outcome.DONE
    assert made_by(db, ordered).state is CheckpointState.READY
    db.commit()
    assert train(ordered) is Outcome.DONE  # a repeated job finds nothing to do


def test_a_line_that_stays_cut_gives_the_job_back_and_the_next_goes_on_where_it_was(
    db: Session, ordered: HyperfitOrder, cache: Path, monkeypatch: pytest.MonkeyPatch, researcher
) -> None:
    monkeypatch.setattr(file_sender, "PART", 20_000)
    patch, sent = FileSender._patch, list[int]()

    def cut(self: FileSender, *sent_now: Any) -> file_sender.Answer:
        if self.file.name == "model.safetensors" and self.received >= 40_000:
            raise UnavailableError("The server cannot be reached.")
        return patch(self, *sent_now)

    def note(self: FileSender, *sent_now: Any) -> file_sender.Answer:
        sent.append(self.received)
        return patch(self, *sent_now)

    monkeypatch.setattr(FileSender, "_patch", cut)
    assert train(ordered) is Outcome.BUSY
    assert made_by(db, ordered).state is CheckpointState.TRAINING
    weights = select(UploadFile).where(UploadFile.name == "model.safetensors")
    assert db.scalars(weights).one().received == 40_000
    assert (
        "of its files have come from the worker"
        in researcher.get(f"/checkpoints/{ordered.checkpoint_id}/hyperfitting").text
    )
    kept = next((cache / "trained").iterdir()) / "model.safetensors"
    before = kept.stat().st_mtime_ns
    db.commit()

    monkeypatch.setattr(FileSender, "_patch", note)
    assert train(ordered) is Outcome.DONE
    made = made_by(db, ordered)
    assert made.state is CheckpointState.VALIDATING
    assert min(sent) == 40_000  # whatever had come was not sent again
    sent_as = cache / "checkpoints" / made.source.removeprefix(STORED) / "model.safetensors"
    assert sent_as.stat().st_mtime_ns == before  # nor trained again


def test_what_the_server_refuses_fails_the_run_with_its_reason(
    db: Session, ordered: HyperfitOrder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(folder: Path) -> None:
        (folder / "config.json").write_text('{"auto_map": {}}')

    monkeypatch.setattr("hyperfitting.job.deliver", _after(spoil))
    assert train(ordered) is Outcome.FAILED
    made = made_by(db, ordered)
    assert made.state is CheckpointState.FAILED
    assert made.reason is not None
    assert "by auto_map" in made.reason
    assert db.scalars(select(Upload)).all() == []


def _after(spoil: Any) -> Any:
    from hyperfitting.delivery import deliver

    def deliver_spoilt(home: Any, checkpoint_id: int, folder: Path, cache: Path) -> None:
        spoil(folder)
        deliver(home, checkpoint_id, folder, cache)

    return deliver_spoilt


def test_an_upload_of_a_worker_is_nobodys_and_stays_with_its_run(
    db: Session, ordered: HyperfitOrder, worker: Sender, person: Person, folder: Path, store: Store, researcher
) -> None:
    begun = announce(worker, ordered, folder)
    assert begun.status_code == 201
    assert used_bytes(db, person.id) == 0
    db.execute(text("UPDATE upload SET touched_at = now() - interval '2 days'"))
    db.commit()

    tidy(db, store, untouched_for=timedelta(days=1))

    assert made_by(db, ordered).state is CheckpointState.TRAINING
    assert worker.ask("GET", f"/uploads/{begun.json()['id']}").status_code == 404
    assert announce(worker, ordered, folder).status_code == 201
    db.commit()


def test_another_worker_with_another_token_goes_on(
    app: FastAPI, db: Session, ordered: HyperfitOrder, worker: Sender, folder: Path
) -> None:
    begun = announce(worker, ordered, folder).json()
    worker.send(folder, {**begun, "files": begun["files"][:1]})
    other = Sender(app, db, make_person(db, role=Role.ADMIN), TokenScope.WORKER)

    again = announce(other, ordered, folder).json()

    assert (again["id"], again["files"][0]["received"]) == (begun["id"], begun["files"][0]["size"])
    assert worker.ask("GET", f"/uploads/{begun['id']}").status_code == 404
    other.send(folder, {**again, "files": again["files"][1:]})
    assert other.finish(again["id"]).status_code == 202
    assert other.ask("GET", f"/checkpoints/{ordered.checkpoint_id}").json()["state"] == "validating"


def test_only_what_is_being_trained_is_taken_and_only_of_workers(
    db: Session, ordered: HyperfitOrder, worker: Sender, app: FastAPI, folder: Path, settings: Settings
) -> None:
    person = Sender(app, db, make_person(db, role=Role.RESEARCHER))
    assert announce(person, ordered, folder).status_code == 403
    assert worker.begin(listing(folder)).status_code == 403
    assert worker.ask("POST", "/checkpoints/0/uploads", json={"files": listing(folder)}).status_code == 404
    (folder / "evil.py").write_text("import os")
    assert announce(worker, ordered, folder).status_code == 422
    (folder / "evil.py").unlink()
    settings.upload_margin_gb = 10**6
    full = announce(worker, ordered, folder)
    assert (full.status_code, "GB are needed" in full.json()["detail"]) == (507, True)
    settings.upload_margin_gb = 0
    fail_training(db, ordered.checkpoint_id, "for the test")
    db.commit()
    late = announce(worker, ordered, folder)
    assert (late.status_code, "The checkpoint is failed" in late.json()["detail"]) == (409, True)
