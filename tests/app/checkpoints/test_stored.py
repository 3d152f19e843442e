"""A worker without the store has a checkpoint from the web app, and never another than it asked for."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.domain.store import STORED, Store
from app.models.person import Role, TokenScope
from app.settings import Settings
from generation.checkpoint_folder import checkpoint_folder
from generation.transfer import fetching
from generation.transfer.fetching import FetchError, Source, fetch
from tests.app.checkpoints.sending import Sender
from tests.factories import make_person
from tests.serving import serve


@pytest.fixture
def source(settings: Settings, db: Session) -> Iterator[Source]:
    """The web app, and a worker's token."""
    token = create_api_token(db, make_person(db, role=Role.ADMIN), [TokenScope.WORKER])
    db.commit()
    with serve(settings) as address:
        yield Source(address, token)


@pytest.fixture
def sha256(sender: Sender, folder: Path) -> str:
    """A stored checkpoint."""
    source: str = sender.upload(folder).json()["source"]
    return source.removeprefix(STORED)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_checkpoint_is_fetched_once(
    source: Source,
    sha256: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOPRANK_STORE", str(tmp_path / "none"))
    monkeypatch.setenv("TOPRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TOPRANK_SERVER", source.address)
    monkeypatch.setenv("TOPRANK_WORKER_TOKEN", source.token)

    found = checkpoint_folder(STORED + sha256)

    assert found == tmp_path / "cache" / "checkpoints" / sha256
    assert contents(found) == contents(folder)
    monkeypatch.setattr(Source, "open", None)  # nothing is asked a second time
    assert checkpoint_folder(STORED + sha256) == found


def test_a_file_that_was_cut_goes_on_and_one_that_was_spoilt_starts_over(
    source: Source,
    sha256: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    partial = tmp_path / "checkpoints" / f"{sha256}.partial"
    partial.mkdir(parents=True)
    whole = (folder / "tokenizer.json").read_bytes()
    (partial / "tokenizer.json").write_bytes(whole[:700])
    (partial / "config.json").write_bytes(b"x" * (folder / "config.json").stat().st_size)
    starts = []
    ask = Source.open

    def note(self: Source, path: str, *, start: int = 0) -> object:
        starts.append((path.rpartition("/")[2], start))
        return ask(self, path, start=start)

    monkeypatch.setattr(Source, "open", note)
    assert contents(fetch(sha256, source, tmp_path)) == contents(folder)
    assert ("tokenizer.json", 700) in starts
    assert ("config.json", 0) in starts


def test_what_is_not_what_it_says_is_refused(
    source: Source,
    sha256: str,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "TRIES", 2)
    kept = store.checkpoint(sha256) / "config.json"
    kept.chmod(0o644)
    kept.write_bytes(kept.read_bytes().replace(b"llama", b"other"))
    with pytest.raises(FetchError, match="arrived 2 times other"):
        fetch(sha256, source, tmp_path)
    monkeypatch.setattr(fetching, "manifest_hash", lambda _files: "other")
    with pytest.raises(FetchError, match="cannot be true"):
        fetch(sha256, source, tmp_path)
    assert not (tmp_path / "checkpoints" / sha256).exists()


def test_what_a_worker_lacks_is_named(
    source: Source, sha256: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PAUSE_S", 0)
    with pytest.raises(FetchError, match="TOPRANK_WORKER_TOKEN"):
        fetch(sha256, Source(source.address, "toprank_other"), tmp_path)
    with pytest.raises(FetchError, match="404"):
        fetch("0" * 64, source, tmp_path)
    with pytest.raises(FetchError, match="no address"):
        fetch(sha256, Source("ftp://there", "token"), tmp_path)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch(sha256, Source(nobody, "token"), tmp_path)


def test_only_files_of_the_checkpoint_are_sent(
    app: FastAPI, db: Session, sender: Sender, folder: Path, store: Store
) -> None:
    stored = sender.upload(folder).json()["source"].removeprefix(STORED)
    worker = Sender(app, db, make_person(db, role=Role.RESEARCHER), TokenScope.WORKER)
    for name in ("../../../etc/passwd", "%2e%2e/%2e%2e/config.json", "/etc/passwd", "nothing"):
        assert worker.ask("GET", f"/stored/{stored}/files/{name}").status_code == 404
    part = worker.ask("GET", f"/stored/{stored}/files/config.json", headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, (folder / "config.json").read_bytes()[2:6])
    assert sender.ask("GET", f"/stored/{stored}").status_code == 403
    shutil.rmtree(store.checkpoint(stored))
    gone = worker.ask("GET", f"/stored/{stored}/files/config.json")
    assert (gone.status_code, "not in the store of this server" in gone.json()["detail"]) == (404, True)
