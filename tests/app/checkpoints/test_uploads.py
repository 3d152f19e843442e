"""A checkpoint is sent in parts, by the rules of tus, and appears in the store complete or not at all."""

import errno
import fcntl
import os
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.checkpoints import publishing, receiving
from app.domain import store as store_module
from app.domain.store import STORED, Store, StoredFile, manifest_hash
from app.models import Checkpoint, CheckpointFile, Person, Upload, UploadFile
from app.models.checkpoint import CheckpointState
from app.models.person import Role, TokenScope
from app.settings import Settings
from tests.app.checkpoints.sending import API, PART, Sender, checksum, listing, sha256
from tests.factories import make_checkpoint, make_person, make_study, make_system


def checkpoint_of(db: Session, name: str = "mine") -> Checkpoint | None:
    db.rollback()
    return db.scalar(select(Checkpoint).where(Checkpoint.name == name).execution_options(populate_existing=True))


def number_of(begun: dict, name: str) -> int:
    return next(file["number"] for file in begun["files"] if file["name"] == name)


def jobs(db: Session) -> list[str]:
    return list(db.scalars(text("SELECT task_name FROM procrastinate.procrastinate_jobs")))


def test_what_was_sent_is_in_the_store_and_waits_for_a_worker(
    sender: Sender, folder: Path, store: Store, db: Session, person: Person
) -> None:
    (folder / "toprank.json").write_text('{"base": "tiny", "seed": 7}')

    answer = sender.upload(folder)

    assert answer.status_code == 202
    standing = answer.json()
    files = [StoredFile(one.name, one.stat().st_size, sha256(one.read_bytes())) for one in folder.iterdir()]
    assert standing["source"] == STORED + manifest_hash(files)
    assert standing["state"] == "validating"
    assert {one["name"]: one["sha256"] for one in standing["files"]} == {one.name: one.sha256 for one in files}
    kept = store.checkpoint(manifest_hash(files))
    assert {one.name: one.read_bytes() for one in kept.iterdir()} == {
        one.name: one.read_bytes() for one in folder.iterdir()
    }
    assert list(store.uploads.iterdir()) == []
    assert jobs(db) == ["validation:validate"]
    found = checkpoint_of(db)
    assert found is not None
    assert (found.person_id, found.parameters, found.lineage) == (person.id, 2, {"base": "tiny", "seed": 7})
    assert sender.ask("GET", f"/checkpoints/{found.id}").json() == standing
    assert db.scalars(select(Upload)).all() == []


def test_a_citation_index_may_come_along(sender: Sender, folder: Path, store: Store, db: Session) -> None:
    import numpy as np

    inner = folder / "citation_index"
    inner.mkdir()
    (inner / "citation_index.json").write_text("{}")
    for name, kind in (("keys", "i8"), ("directory", "i4"), ("offsets", "i8"), ("banned", "i4"), ("tokens", "i4")):
        np.save(inner / f"{name}.npy", np.arange(3, dtype=kind))

    assert sender.upload(folder).status_code == 202

    found = checkpoint_of(db)
    assert found is not None
    assert (store.checkpoint(found.source.removeprefix(STORED)) / "citation_index" / "keys.npy").is_file()


def test_parts_are_counted_and_told(sender: Sender, folder: Path, db: Session) -> None:
    begun = sender.begun(folder)
    number = number_of(begun, "tokenizer.json")
    content = (folder / "tokenizer.json").read_bytes()

    first = sender.patch(begun["id"], number, content[:1000], Upload_Checksum=checksum(content[:1000]))
    second = sender.patch(begun["id"], number, content[1000:1500], 1000)

    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert (second.headers["upload-offset"], second.headers["tus-resumable"]) == ("1500", "1.0.0")
    assert sender.offset(begun["id"], number) == 1500
    shown = sender.ask("GET", f"/uploads/{begun['id']}").json()
    assert {file["name"]: file["received"] for file in shown["files"]} == {
        "config.json": 0,
        "model.safetensors": 0,
        "tokenizer.json": 1500,
    }


@pytest.mark.parametrize("offset", [0, 999, 1001])
def test_a_wrong_offset_is_told_the_right_one(sender: Sender, folder: Path, offset: int) -> None:
    begun = sender.begun(folder)
    number = number_of(begun, "tokenizer.json")
    sender.patch(begun["id"], number, bytes(1000))

    answer = sender.patch(begun["id"], number, b"more", offset)

    assert (answer.status_code, answer.headers["upload-offset"]) == (409, "1000")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "go on from there" in answer.json()["detail"]
    assert sender.offset(begun["id"], number) == 1000


def test_a_part_that_changed_on_its_way_is_not_counted(sender: Sender, folder: Path) -> None:
    begun = sender.begun(folder)

    answer = sender.patch(begun["id"], 1, b"spoilt", Upload_Checksum=checksum(b"sent"))

    assert (answer.status_code, answer.json()["title"]) == (460, "Checksum Mismatch")
    assert sender.offset(begun["id"], 1) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus_Resumable": "0.2.0"}, 412),
        ({"Content_Type": "text/plain"}, 415),
        ({"Upload_Offset": "-1"}, 400),
        ({"Upload_Offset": "zero"}, 400),
        ({"Upload_Offset": "9" * 30}, 400),
        ({"Upload_Checksum": "md5 AAAA"}, 400),
        ({"Upload_Checksum": "sha256 !"}, 400),
        ({"Upload_Checksum": "sha256 AAAA"}, 400),
    ],
)
def test_a_part_that_is_none_is_refused(sender: Sender, folder: Path, headers: dict[str, str], status: int) -> None:
    begun = sender.begun(folder)
    assert sender.patch(begun["id"], 1, b"x", **headers).status_code == status
    assert sender.offset(begun["id"], 1) == 0


def test_more_than_was_announced_is_refused_with_and_without_a_length(sender: Sender, folder: Path) -> None:
    begun = sender.begun(folder)
    number = number_of(begun, "config.json")

    said = sender.patch(begun["id"], number, bytes(5000))
    streamed = sender.ask(
        "PATCH",
        f"/uploads/{begun['id']}/files/{number}",
        content=iter([bytes(3000), bytes(3000)]),
        headers={"Content-Type": PART, "Upload-Offset": "0"},
    )

    assert (said.status_code, streamed.status_code) == (413, 413)
    assert sender.offset(begun["id"], number) == 0


def test_a_large_part_is_written_in_blocks(sender: Sender, folder: Path, store: Store) -> None:
    content = os.urandom(receiving.BLOCK * 2 + 7)
    (folder / "tokenizer.json").write_bytes(content)
    begun = sender.begun(folder)
    number = number_of(begun, "tokenizer.json")

    assert sender.patch(begun["id"], number, content, Upload_Checksum=checksum(content)).status_code == 204

    assert store.part(begun["id"], number).read_bytes() == content


def test_two_cannot_write_one_file_at_once(sender: Sender, folder: Path, store: Store) -> None:
    begun = sender.begun(folder)
    with store.part(begun["id"], 1).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        busy = sender.patch(begun["id"], 1, b"x")
        checking = sender.check(begun["id"], 1, "0" * 64)
    assert (busy.status_code, checking.status_code) == (423, 423)
    assert "Wait a few seconds" in busy.json()["detail"]
    assert sender.patch(begun["id"], 1, b"x").status_code == 204


def test_bytes_whose_place_was_taken_meanwhile_are_not_counted(
    sender: Sender, folder: Path, db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is per machine's kernel; where a file system does not keep it, the count still does."""
    begun = sender.begun(folder)
    put = receiving._put

    def slow_put(*arguments: object) -> int:
        db.execute(text("UPDATE upload_file SET received = 2 WHERE number = 1"))
        db.commit()
        return put(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(receiving, "_put", slow_put)
    answer = sender.patch(begun["id"], 1, b"xyz")

    assert answer.status_code == 409
    assert "not counted" in answer.json()["detail"]
    assert sender.offset(begun["id"], 1) == 2


def test_a_full_disk_is_told_and_the_rest_can_come_later(
    sender: Sender, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = sender.begun(folder)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", full)
        answer = sender.patch(begun["id"], 1, b"xy")
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["detail"]
    assert sender.offset(begun["id"], 1) == 0
    assert sender.patch(begun["id"], 1, b"xy").status_code == 204


def test_a_broken_disk_is_our_fault(sender: Sender, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = sender.begun(folder)

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwritev", broken)
    with pytest.raises(OSError, match="Input/output"):
        sender.patch(begun["id"], 1, b"xy")


def test_no_byte_comes_when_the_disk_has_no_room(
    sender: Sender, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(file.stat().st_size for file in folder.iterdir())
    settings.upload_margin_gb = 1e-6  # 1,000 bytes

    monkeypatch.setattr(Store, "free_bytes", lambda _self: size + 999)
    refused = sender.begin(listing(folder))
    monkeypatch.setattr(Store, "free_bytes", lambda _self: size + 1000)
    accepted = sender.begin(listing(folder))

    assert (refused.status_code, accepted.status_code) == (507, 201)
    assert "Ask an admin to make room" in refused.json()["detail"]


def test_a_person_has_a_quota_of_what_is_stored_and_what_comes(
    sender: Sender, folder: Path, settings: Settings, db: Session
) -> None:
    size = sum(file.stat().st_size for file in folder.iterdir())
    settings.upload_quota_gb = 2.5 * size / 1e9
    assert sender.upload(folder, "first").status_code == 202
    begun = sender.begun(folder, "second")

    refused = sender.begin(listing(folder), "third")

    assert refused.status_code == 413
    assert "Cancel an upload" in refused.json()["detail"]
    assert checkpoint_of(db, "third") is None
    assert sender.ask("DELETE", f"/uploads/{begun['id']}").status_code == 204
    assert sender.begin(listing(folder), "third").status_code == 201


def test_an_upload_goes_on_where_it_was_when_it_is_announced_again(sender: Sender, folder: Path) -> None:
    begun = sender.begun(folder)
    content = (folder / "tokenizer.json").read_bytes()
    sender.patch(begun["id"], number_of(begun, "tokenizer.json"), content[:700])

    again = sender.begun(folder)

    assert again["id"] == begun["id"]
    assert {file["name"]: file["received"] for file in again["files"]}["tokenizer.json"] == 700
    sender.send(folder, again)
    assert sender.finish(again["id"]).status_code == 202


def test_a_file_that_changed_since_starts_over_and_the_others_do_not(sender: Sender, folder: Path) -> None:
    (folder / "README.md").write_text("Read me.")
    begun = sender.begun(folder)
    sender.send(folder, begun)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "README.md").unlink()
    (folder / "NOTICE").write_text("New.")

    again = sender.begun(folder)

    assert {file["name"]: (file["number"], file["received"] == file["size"]) for file in again["files"]} == {
        "config.json": (number_of(begun, "config.json"), False),
        "model.safetensors": (number_of(begun, "model.safetensors"), True),
        "tokenizer.json": (number_of(begun, "tokenizer.json"), True),
        "NOTICE": (5, False),
    }
    sender.send(folder, again)
    assert sender.finish(again["id"]).status_code == 202


def test_a_file_that_is_not_the_senders_starts_over(sender: Sender, folder: Path) -> None:
    begun = sender.begun(folder)
    number = number_of(begun, "config.json")
    size = (folder / "config.json").stat().st_size
    early = sender.check(begun["id"], number, "0" * 64)
    sender.patch(begun["id"], number, bytes(size))

    answer = sender.check(begun["id"], number, sha256((folder / "config.json").read_bytes()))

    assert early.status_code == 409
    assert answer.status_code == 422
    assert "is not what you have" in answer.json()["detail"]
    assert sender.offset(begun["id"], number) == 0
    sender.send(folder, sender.begun(folder))
    assert sender.finish(begun["id"]).status_code == 202


def test_an_upload_is_not_finished_before_every_file_was_compared(sender: Sender, folder: Path) -> None:
    begun = sender.begun(folder)
    sender.patch(begun["id"], number_of(begun, "config.json"), (folder / "config.json").read_bytes())

    answer = sender.finish(begun["id"])

    assert answer.status_code == 409
    assert "config.json is not there yet" in answer.json()["detail"]


def test_other_peoples_uploads_are_not_there(app: FastAPI, sender: Sender, folder: Path, db: Session) -> None:
    begun = sender.begun(folder)
    other = Sender(app, db, make_person(db, role=Role.ADMIN))
    for upload in (begun["id"], str(uuid4())):
        asked = [
            other.ask("GET", f"/uploads/{upload}"),
            other.ask("HEAD", f"/uploads/{upload}/files/1"),
            other.patch(upload, 1, b"x"),
            other.check(upload, 1, "0" * 64),
            other.finish(upload),
            other.ask("DELETE", f"/uploads/{upload}"),
        ]
        assert [answer.status_code for answer in asked] == [404] * 6
    assert other.begin(listing(folder)).status_code == 409  # nor is their name free
    assert sender.offset(begun["id"], 1) == 0


def test_a_file_of_no_number_is_not_there(sender: Sender, folder: Path, store: Store) -> None:
    begun = sender.begun(folder)
    store.part(begun["id"], 9).touch()
    assert sender.patch(begun["id"], 9, b"x").status_code == 404
    assert sender.patch(begun["id"], 10, b"x").status_code == 404


@pytest.mark.parametrize("name", ["../x", "../../config.json", "/etc/passwd", "a/b", "citation_index/../config.json"])
def test_a_name_never_leads_anywhere(sender: Sender, folder: Path, store: Store, name: str) -> None:
    answer = sender.begin([*listing(folder), {"name": name, "size": 1}])

    assert answer.status_code == 422
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b'{"name": "a"}', 422),
        (b'{"name": "a", "files": [], "more": 1}', 422),
        (b'{"name": "a", "files": [{"name": "x", "size": -1}]}', 422),
        (b'{"name": "a", "files": [{"name": "\\ud800", "size": 1}]}', 422),
        (b'{"name": "a", "files": [{"name": "x", "size": "1"}]}', 422),
        (b"[" * 5_000_000, 413),
    ],
)
def test_what_is_no_announcement_is_refused(sender: Sender, said: bytes, status: int) -> None:
    answer = sender.ask("POST", "/uploads", content=said)
    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "a\0b", "a\nb"])
def test_a_checkpoint_needs_a_name(sender: Sender, folder: Path, name: str) -> None:
    assert sender.begin(listing(folder), name).status_code == 400


def test_a_file_cannot_be_announced_twice(sender: Sender, folder: Path) -> None:
    answer = sender.begin([*listing(folder), *listing(folder)])
    assert answer.status_code == 422
    assert "named twice" in answer.json()["detail"]


def test_a_taken_name_is_refused_and_one_of_a_refused_upload_is_not(sender: Sender, folder: Path, db: Session) -> None:
    make_checkpoint(db, name="known")
    db.commit()
    assert sender.begin(listing(folder), "known").status_code == 409
    (folder / "config.json").write_text("[]")
    assert sender.upload(folder).status_code == 422
    refused = checkpoint_of(db)
    assert refused is not None
    assert refused.state is CheckpointState.REFUSED

    (folder / "config.json").write_text('{"model_type": "llama"}')
    assert sender.upload(folder).status_code == 202
    assert sender.begin(listing(folder)).status_code == 409


def test_one_that_failed_is_sent_anew(sender: Sender, folder: Path, db: Session) -> None:
    sender.upload(folder)
    failed = checkpoint_of(db)
    assert failed is not None
    failed.state = CheckpointState.FAILED
    db.commit()

    begun = sender.begun(folder)

    assert db.scalars(select(CheckpointFile)).all() == []
    assert begun["checkpoint"] == failed.id


def test_a_refused_upload_leaves_its_reason_and_nothing_in_the_store(
    sender: Sender, folder: Path, store: Store, db: Session
) -> None:
    (folder / "config.json").write_text('{"auto_map": {}}')

    answer = sender.upload(folder)

    assert answer.status_code == 422
    assert "asks for code by auto_map" in answer.json()["detail"]
    refused = checkpoint_of(db)
    assert refused is not None
    assert (refused.state, refused.reason) == (CheckpointState.REFUSED, answer.json()["detail"])
    assert [*store.uploads.iterdir(), *store.root.glob("checkpoints/*")] == []
    assert jobs(db) == []


def test_the_same_files_are_stored_once_under_two_names(sender: Sender, folder: Path, store: Store) -> None:
    first, second = sender.upload(folder, "one").json(), sender.upload(folder, "two").json()
    assert first["source"] == second["source"]
    assert len(list(store.checkpoints.iterdir())) == 1


def test_two_cannot_finish_at_once(sender: Sender, folder: Path, store: Store) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)
    other = os.open(store.upload(begun["id"]), os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert sender.finish(begun["id"]).status_code == 423
    os.close(other)
    assert sender.finish(begun["id"]).status_code == 202
    assert sender.finish(begun["id"]).status_code == 404


def test_a_file_that_starts_over_has_to_be_compared_again(sender: Sender, folder: Path) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)
    number = number_of(begun, "model.safetensors")
    assert sender.check(begun["id"], number, sha256(b"something else")).status_code == 422

    answer = sender.finish(begun["id"])

    assert answer.status_code == 409
    assert "model.safetensors is not there yet" in answer.json()["detail"]


def test_nothing_is_looked_at_while_one_of_its_files_is_written(sender: Sender, folder: Path, store: Store) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)
    with receiving.locked(store.part(begun["id"], number_of(begun, "model.safetensors"))):
        assert sender.finish(begun["id"]).status_code == 423
    assert sender.finish(begun["id"]).status_code == 202


def test_an_end_whose_upload_was_cancelled_meanwhile_is_none(
    sender: Sender, folder: Path, store: Store, db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)
    move_to = publishing.move_to

    def slow_move(source: Path, target: Path) -> None:
        move_to(source, target)
        db.execute(text("DELETE FROM upload"))
        db.commit()

    monkeypatch.setattr(publishing, "move_to", slow_move)
    assert sender.finish(begun["id"]).status_code == 404


def test_what_was_tidied_away_before_it_was_somebodys_is_finished_again(
    sender: Sender, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "move_to", lambda _folder, _target: None)
        assert sender.finish(begun["id"]).status_code == 409
    assert sender.finish(begun["id"]).status_code == 202


def test_a_store_without_hard_links_copies(
    sender: Sender, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    assert sender.upload(folder).status_code == 202


def test_a_rename_that_fails_for_good_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store_module.move_to(tmp_path / "made", tmp_path / "target")


def test_a_rename_that_another_was_faster_with_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("made", "target"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    monkeypatch.setattr(Path, "exists", lambda _self: False)
    store_module.move_to(tmp_path / "made", tmp_path / "target")
    monkeypatch.undo()
    assert (tmp_path / "made" / "config.json").exists()


def test_a_cancelled_upload_is_forgotten(sender: Sender, folder: Path, store: Store, db: Session) -> None:
    begun = sender.begun(folder)
    sender.send(folder, begun)

    assert sender.ask("DELETE", f"/uploads/{begun['id']}").status_code == 204

    assert list(store.uploads.iterdir()) == []
    assert checkpoint_of(db) is None
    assert db.scalars(select(UploadFile)).all() == []


def test_unfinished_uploads_are_listed_for_their_sender_alone(
    sender: Sender, app: FastAPI, folder: Path, db: Session
) -> None:
    first, second = (sender.begun(folder, name) for name in ("mine", "more"))
    file = first["files"][0]
    assert sender.patch(first["id"], file["number"], (folder / file["name"]).read_bytes()[:10]).status_code == 204
    listed = sender.ask("GET", "/uploads?limit=1").json()
    (one,) = listed["entries"]
    assert (one["id"], one["name"], one["received"]) == (first["id"], "mine", 10)
    assert one["size"] == sum(file.stat().st_size for file in folder.iterdir())
    (other,) = sender.ask("GET", listed["next"].removeprefix("/api/v1")).json()["entries"]
    assert other["checkpoint"] == second["checkpoint"]
    stranger = Sender(app, db, make_person(db, role=Role.RESEARCHER))
    assert stranger.ask("GET", "/uploads").json() == {"entries": [], "next": None}


def test_a_cancelled_upload_that_a_system_waits_for_fails(sender: Sender, folder: Path, db: Session) -> None:
    begun = sender.begun(folder)
    make_system(db, make_study(db), checkpoint_id=begun["checkpoint"])
    db.commit()

    sender.ask("DELETE", f"/uploads/{begun['id']}")

    failed = checkpoint_of(db)
    assert failed is not None
    assert (failed.state, failed.reason) == (CheckpointState.FAILED, "Its upload was cancelled. Send it again.")
    assert sender.begin(listing(folder)).status_code == 201


def test_a_token_for_something_else_sends_nothing(app: FastAPI, db: Session, person: Person, folder: Path) -> None:
    worker = Sender(app, db, person, TokenScope.WORKER)
    assert worker.begin(listing(folder)).status_code == 403


def test_there_is_no_such_checkpoint(sender: Sender) -> None:
    assert sender.ask("GET", "/checkpoints/0").status_code == 404


def test_a_page_of_ours_sends_by_its_login_and_form_token(researcher, annotator, anonymous, folder: Path) -> None:
    said = {"name": "mine", "files": listing(folder)}
    token = {"X-CSRF-Token": researcher.form_token}
    assert researcher.post(f"{API}/uploads", json=said).status_code == 403
    assert researcher.post(f"{API}/uploads", json=said, headers={"X-CSRF-Token": "x"}).status_code == 403
    begun = researcher.post(f"{API}/uploads", json=said, headers=token)
    assert begun.status_code == 201
    assert researcher.get(f"{API}/uploads/{begun.json()['id']}").status_code == 200
    assert (
        annotator.post(f"{API}/uploads", json=said, headers={"X-CSRF-Token": annotator.form_token}).status_code == 403
    )
    sent = {"X-CSRF-Token": anonymous.form_token}  # a cookie, and nobody behind it
    assert anonymous.post(f"{API}/uploads", json=said, headers=sent).status_code == 401


def test_a_long_upload_by_a_page_keeps_its_login_alive(researcher, folder: Path, db: Session) -> None:
    db.execute(text("UPDATE login_session SET last_seen_at = now() - interval '30 minutes'"))
    db.commit()
    assert researcher.get(f"{API}/checkpoints/0").status_code == 404
    assert researcher.get(f"{API}/uploads/{uuid4()}").status_code == 404
    seen = db.scalar(text("SELECT last_seen_at > now() - interval '1 minute' FROM login_session"))
    assert seen is True
