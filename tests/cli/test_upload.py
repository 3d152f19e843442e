"""`toprank checkpoint upload`, end to end: sent, cut, gone on with, tried by a worker, and used."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.domain.store import Store
from app.models import Checkpoint, Continuation, HyperfitPoint, HyperfitRun, UploadFile
from app.models.checkpoint import CheckpointState
from app.models.person import Role, TokenScope
from generation.transfer import file_sender
from generation.transfer.sending import announce, files_in, send
from generation.transfer.server import Server
from tests.app.checkpoints.sending import make_small_checkpoint
from tests.bad_folders import NO_FILES, BadFolder
from tests.cli.test_pipeline import fails, run
from tests.factories import make_person
from tests.hyperfitting.conftest import make_documents
from tests.serving import SECRET, serve, settings_for
from tests.tiny_model import sample_text


@pytest.fixture
def token(engine: Engine) -> str:
    """A researcher's, for uploads."""
    with Session(engine) as session:
        made = create_api_token(session, make_person(session, role=Role.RESEARCHER), [TokenScope.UPLOAD])
        session.commit()
        return made


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Shared by the server and the worker."""
    monkeypatch.setenv("TOPRANK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TOPRANK_UPLOAD_MARGIN_GB", "0")
    return Store(tmp_path / "store")


@pytest.fixture
def address(database_url: str, store: Store, tmp_path: Path) -> Iterator[str]:
    """A server."""
    with serve(settings_for(database_url, tmp_path, store=store.root, upload_margin_gb=0)) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint that no model can be made of."""
    return make_small_checkpoint(tmp_path / "made")


@contextmanager
def serving(database_url: str, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The web app as a process of its own, which can be killed."""
    environment = os.environ | {"DATABASE_URL": database_url, "TOPRANK_SECRET_KEY": SECRET}
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def hyperfit_elsewhere(base: Path, tmp_path: Path) -> Path:
    """A checkpoint by `toprank hyperfit`, on a machine that has no database."""
    texts, made = tmp_path / "words.jsonl", tmp_path / "hyperfitted"
    texts.write_text("\n".join(json.dumps({"text": one.text}) for one in make_documents(30)))
    few = ("--samples", "16", "--length", "32", "--epochs", "2", "--lr", "3e-3", "--validation-samples", "4")
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "hyperfit",
        base,
        "--data",
        texts,
        "--out",
        made,
        *few,
        "--contexts",
        "2",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    subprocess.run(command, env=environment | {"TOPRANK_DATA_DIR": str(tmp_path / "nothing")}, check=True)
    return made


def test_what_was_hyperfitted_elsewhere_is_sent_tried_and_generated_with(
    address: str, token: str, tiny_checkpoint: Path, engine: Engine, database_url: str, tmp_path: Path, monkeypatch
) -> None:
    made = hyperfit_elsewhere(tiny_checkpoint, tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"text": sample_text(1)}))

    sent = run("checkpoint", "upload", "mine", made, "--server", address, "--token", token, "--json")
    assert json.loads(sent.stdout)["state"] == "validating"
    run("study", "create", "tiny", "--tokenizer", tiny_checkpoint, "--dataset", "stories", "--quota", 1)
    run("passages", "import", "tiny", "--dataset", "stories", texts, "--accept")
    run("system", "add", "tiny", "greedy", "--checkpoint", "mine", "--decoding", "greedy")
    run("study", "open", "tiny")
    worker = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "worker"], env=os.environ | {"DATABASE_URL": database_url}
    )
    try:
        again = run("checkpoint", "list", "--json")
        deadline = time.monotonic() + 240
        while json.loads(again.stdout)[0]["state"] == "validating" and time.monotonic() < deadline:
            time.sleep(0.5)
            again = run("checkpoint", "list", "--json")
        assert json.loads(again.stdout)[0]["state"] == "ready"
        written = 0
        while not written and time.monotonic() < deadline:
            time.sleep(0.5)
            shown = json.loads(run("study", "show", "tiny", "--json").stdout)
            written = shown["progress"]["systems"][0]["state"] == "done"
        assert written
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    with Session(engine) as session:
        continuation = session.scalars(select(Continuation)).one()
        assert (len(continuation.token_ids), bool(continuation.text)) == (224, True)
        sent_run = session.scalars(select(HyperfitRun)).one()
        assert (sent_run.config["samples"], sent_run.lineage["base"]) == (16, str(tiny_checkpoint))
        assert session.scalars(select(HyperfitPoint.update).order_by(HyperfitPoint.update)).all() == [0, 2, 4]


def test_a_server_that_is_killed_in_the_middle_is_gone_on_with(
    database_url: str, store: Store, token: str, folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.dumps({"noise": os.urandom(1_500_000).hex()}).encode()
    (folder / "tokenizer.json").write_bytes(content)
    monkeypatch.setattr(file_sender, "PART", 100_000)
    patch = file_sender.FileSender._patch
    half = threading.Event()

    def slowly(self: file_sender.FileSender, *sent_now: Any) -> file_sender.Answer:
        if self.received >= 1_000_000:
            half.set()
        return patch(self, *sent_now)

    monkeypatch.setattr(file_sender.FileSender, "_patch", slowly)
    port = free_port()

    def upload() -> dict[str, Any]:
        with Server(f"http://127.0.0.1:{port}", token) as server:
            files = files_in(folder)
            upload = announce(server, "mine", files)
            return send(server, upload, files, parallel=1, report=lambda _name, _received: None)

    with ThreadPoolExecutor(1) as thread:
        with serving(database_url, port) as first:
            sending = thread.submit(upload)  # it waits until the server is there
            assert half.wait(120)
            first.send_signal(signal.SIGKILL)
            first.wait(timeout=30)
        with Session(engine) as session:
            received = session.scalars(select(UploadFile.received).where(UploadFile.name == "tokenizer.json")).one()
        assert 0 < received < len(content)
        with serving(database_url, port):
            standing = sending.result(timeout=120)

    kept = store.checkpoint(standing["source"].removeprefix("stored:"))
    assert (kept / "tokenizer.json").read_bytes() == content


def test_the_command_run_again_goes_on_where_it_was(
    address: str, token: str, folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tokenizer.json").write_text(json.dumps({"noise": os.urandom(500_000).hex()}))
    monkeypatch.setattr(file_sender, "PART", 100_000)
    patch, sent = file_sender.FileSender._patch, []

    def cut_at_half(self: file_sender.FileSender, *sent_now: Any) -> file_sender.Answer:
        if len(sent) == 5:
            raise KeyboardInterrupt
        if self.file.name == "tokenizer.json":
            sent.append(self.received)
        return patch(self, *sent_now)

    command = ("checkpoint", "upload", "mine", folder, "--server", address, "--token", token, "--parallel", 1)
    with monkeypatch.context() as patched:
        patched.setattr(file_sender.FileSender, "_patch", cut_at_half)
        with pytest.raises(AssertionError):
            run(*command)
    before, sent[:] = sent[-1], []

    def note(self: file_sender.FileSender, *sent_now: Any) -> file_sender.Answer:
        if self.file.name == "tokenizer.json":
            sent.append(self.received)
        return patch(self, *sent_now)

    monkeypatch.setattr(file_sender.FileSender, "_patch", note)
    assert "validating" in run(*command).stdout
    assert sent[0] == before + 100_000
    with Session(engine) as session:
        assert session.scalars(select(Checkpoint.state)).one() is CheckpointState.VALIDATING


@pytest.mark.parametrize("bad", NO_FILES, ids=lambda bad: bad.name)
def test_what_is_no_file_is_not_sent(address: str, token: str, folder: Path, store: Store, bad: BadFolder) -> None:
    bad.spoil(folder)
    refused = fails("checkpoint", "upload", "mine", folder, "--server", address, "--token", token)
    # a link to a file is the file: what it leads to is no config
    assert "no plain file" in refused or "config.json: it is no JSON" in refused
    assert list(store.root.glob("checkpoints/*")) == []


def test_a_hubs_cache_of_links_is_sent_as_files(folder: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for file in folder.iterdir():
        (snapshot / file.name).symlink_to(file)
    (snapshot / ".cache").mkdir()
    assert [(one.name, one.size) for one in files_in(snapshot)] == [(one.name, one.size) for one in files_in(folder)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"--token": "toprank_unknown"}, "needs a valid token"),
        ({"--token": "né"}, "copy it again"),
        ({"--server": "ftp://there"}, "no address of a server"),
        ({"--server": "{address}/elsewhere"}, "no toprank server"),
        ({"--server": "http://127.0.0.1:9", "--patience": "0"}, "cannot be reached"),
    ],
)
def test_what_cannot_be_sent_is_one_clear_line(
    address: str, token: str, folder: Path, changed: dict[str, str], reason: str
) -> None:
    options = {"--server": address, "--token": token} | {
        key: text.format(address=address) for key, text in changed.items()
    }
    arguments = [part for pair in options.items() for part in pair]
    said = fails("checkpoint", "upload", "mine", folder, *arguments)
    assert reason in said
    assert "\n" not in said


def test_a_refused_checkpoint_says_why(address: str, token: str, folder: Path, tmp_path: Path) -> None:
    (folder / "modeling.py").write_text("import os")
    assert "is a program" in fails("checkpoint", "upload", "mine", folder, "--server", address, "--token", token)
    (folder / "modeling.py").unlink()
    (folder / "config.json").write_text('{"auto_map": {}}')
    assert "by auto_map" in fails("checkpoint", "upload", "mine", folder, "--server", address, "--token", token)
    assert "no folder" in fails(
        "checkpoint", "upload", "mine", tmp_path / "nothing", "--server", address, "--token", token
    )


def test_waiting_ends_with_what_the_worker_found(
    address: str, token: str, folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.transfer.sending.POLL_S", 0.05)
    command = ("checkpoint", "upload", "mine", folder, "--server", address, "--token", token, "--wait")

    def find(state: CheckpointState) -> None:
        deadline = time.monotonic() + 60
        with Session(engine) as session:
            while time.monotonic() < deadline:
                made = session.scalar(select(Checkpoint).execution_options(populate_existing=True))
                if made is not None and made.state is CheckpointState.VALIDATING:
                    made.state, made.reason = state, "its weights are spoilt"
                    session.commit()
                    return
                session.rollback()
                time.sleep(0.05)

    for state in (CheckpointState.FAILED, CheckpointState.READY):
        finding = threading.Thread(target=find, args=(state,))
        finding.start()
        if state is CheckpointState.FAILED:
            assert fails(*command) == "The checkpoint is failed: its weights are spoilt"
        else:
            assert "It can be used." in run(*command).stdout
        finding.join()
