"""Uploading by a page: several files, a pause, a cut, a reload, and what the registry then shows."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.domain.store import STORED, Store
from app.models import Checkpoint
from app.models.checkpoint import CheckpointState
from app.models.person import Role
from tests.app.checkpoints.sending import make_small_checkpoint
from tests.browser import axe
from tests.serving import serve, settings_for

pytestmark = pytest.mark.browser

PART = 8 * 2**20


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def address(engine: Engine, database_url: str, tmp_path: Path, store: Store) -> Iterator[str]:
    """The app, with a store of the test's own."""
    with serve(settings_for(database_url, tmp_path, store=store.root, upload_margin_gb=0)) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint of three parts and more."""
    made = make_small_checkpoint(tmp_path / "mine")
    (made / "tokenizer.json").write_text(json.dumps({"noise": os.urandom(14_000_000).hex()}))
    (made / ".cache").mkdir()
    (made / ".cache" / "ignored").write_text("x")
    return made


def choose(page: Page, folder: Path) -> None:
    page.goto("/checkpoints/upload")
    page.locator("#upload-folder").set_input_files(folder)


class Gate:
    """Lets parts of the file with several pass up to one that begins at `closed_at`, which then waits for good."""

    def __init__(self, page: Page, number: int = 3) -> None:
        self.closed_at, self.held, self.offsets = 2**60, list[Route](), list[int]()
        page.route(f"**/files/{number}", self._meet)

    def _meet(self, route: Route) -> None:
        offset = int(route.request.headers.get("upload-offset", 0))
        if route.request.method == "PATCH":
            self.offsets.append(offset)
        if offset >= self.closed_at:
            self.held.append(route)
        else:
            route.continue_()

    def wait(self, page: Page) -> None:
        """Until a part waits."""
        for _ in range(600):
            if self.held:
                return
            page.wait_for_timeout(100)
        raise AssertionError("no part came")


def test_a_folder_is_sent_and_its_checkpoint_is_shown(
    log_in: Callable[..., Page], folder: Path, store: Store, engine: Engine
) -> None:
    page = log_in(Role.RESEARCHER)
    choose(page, folder)
    expect(page.get_by_label("Name of the checkpoint")).to_have_value("mine")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile(r"/checkpoints/\d+$"), timeout=60_000)

    expect(page.get_by_text("A worker loads it")).to_be_visible()
    axe.check(page, name="checkpoint")
    with Session(engine) as session:
        made = session.scalars(select(Checkpoint)).one()
        kept = store.checkpoint(made.source.removeprefix(STORED))
        assert {file.name: file.read_bytes() for file in kept.iterdir()} == {
            file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()
        }
        made.state, made.reason = CheckpointState.FAILED, "The model's predictions are no finite numbers."
        session.commit()
    expect(page.get_by_role("button", name="Try it again")).to_be_visible(timeout=20_000)
    axe.check(page, name="failed checkpoint")
    page.goto("/checkpoints")
    axe.check(page, name="registry")


def test_an_upload_is_paused_gone_on_with_cut_and_gone_on_with_after_a_reload(
    log_in: Callable[..., Page], folder: Path, store: Store
) -> None:
    page = log_in(Role.RESEARCHER)
    choose(page, folder)
    gate, said, upload = Gate(page), page.locator("#upload-said"), page.get_by_role("button", name="Upload", exact=True)
    gate.closed_at = PART
    upload.click()
    gate.wait(page)
    page.get_by_role("button", name="Pause").click()
    expect(said).to_contain_text("Paused")
    axe.check(page, name="paused")

    gate.held.clear()
    gate.closed_at = 2 * PART
    upload.click()
    gate.wait(page)
    page.context.set_offline(True)
    gate.held[0].abort("internetdisconnected")
    expect(page.get_by_text("trying again").first).to_be_visible(timeout=20_000)
    page.context.set_offline(False)
    assert gate.offsets[:4] == [0, PART, PART, 2 * PART]

    page.on("dialog", lambda dialog: dialog.accept())
    gate.offsets.clear()
    gate.closed_at = 2**60
    choose(page, folder)
    expect(page.get_by_role("heading", name="Not finished")).to_be_visible()
    axe.check(page, name="unfinished")
    upload.click()
    page.wait_for_url(re.compile(r"/checkpoints/\d+$"), timeout=60_000)
    assert gate.offsets[0] >= 2 * PART
    assert len(list(store.checkpoints.iterdir())) == 1


def test_a_cut_that_meets_the_program_for_hashing_ends_no_upload(
    log_in: Callable[..., Page], folder: Path, store: Store
) -> None:
    page = log_in(Role.RESEARCHER)
    choose(page, folder)
    cut = list[str]()

    def meet(route: Route) -> None:
        cut.append(route.request.url)
        if len(cut) <= 3:
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/upload-hash.js*", meet)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile(r"/checkpoints/\d+$"), timeout=60_000)
    assert len(cut) > 3
    assert len(list(store.checkpoints.iterdir())) == 1


@pytest.fixture
def worker(database_url: str, store: Store) -> Iterator[None]:
    """A worker that shares the store."""
    shared = {"DATABASE_URL": database_url, "TOPRANK_STORE": str(store.root), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "cli.main", "worker"], env=os.environ | shared)
    yield
    process.terminate()
    process.wait(timeout=30)


def bring_long_curve(folder: Path) -> None:
    """A curve of more than one part, as of a run that was watched closely."""
    texts = [{"context": "It was", "continuation": " late. " * 2500}]
    point = {"train_loss": 2.0, "validation_loss": 3.0, "entropy": 1.5, "ttr_first_96": 0.5, "ttr_last_96": 0.25}
    lines = (json.dumps({"update": at, "epoch": at / 10, **point, "texts": texts}) for at in range(600))
    (folder / "curve.jsonl").write_text("\n".join(lines))
    (folder / "toprank.json").write_text(json.dumps({"base": "tiny", "seed": 7, "ended": "at the last update"}))


def test_an_upload_that_was_cut_in_the_middle_ends_with_a_checkpoint_that_is_ready(
    log_in: Callable[..., Page], tiny_checkpoint: Path, tmp_path: Path, worker: None
) -> None:
    folder = Path(shutil.copytree(tiny_checkpoint, tmp_path / "whole"))
    bring_long_curve(folder)
    page = log_in(Role.RESEARCHER)
    choose(page, folder)
    number = 1 + sorted(file.name for file in folder.iterdir()).index("curve.jsonl")
    gate = Gate(page, number)
    gate.closed_at = PART
    page.get_by_role("button", name="Upload", exact=True).click()
    gate.wait(page)
    gate.closed_at = 2**60
    page.context.set_offline(True)
    gate.held[0].abort("internetdisconnected")
    expect(page.get_by_text("trying again").first).to_be_visible(timeout=20_000)
    page.context.set_offline(False)

    page.wait_for_url(re.compile(r"/checkpoints/\d+$"), timeout=120_000)
    expect(page.get_by_role("status").get_by_text("ready", exact=True)).to_be_visible(timeout=180_000)

    assert gate.offsets[:3] == [0, PART, PART]  # and by itself
    page.get_by_role("link", name="Its curve and texts").click()
    expect(page.get_by_text("599 updates, ended at the last update")).to_be_visible()
    expect(
        page.get_by_role("img", name="Loss over 599 updates; latest: training 2.000, held out 3.000")
    ).to_be_visible()
    axe.check(page, name="curve of an upload")


def test_what_is_refused_says_why(log_in: Callable[..., Page], folder: Path) -> None:
    (folder / "modeling.py").write_text("import os")
    page = log_in(Role.RESEARCHER)
    choose(page, folder)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("is a program")).to_be_visible()
    axe.check(page, name="refused")


def test_our_own_hash_is_sha_256(log_in: Callable[..., Page]) -> None:
    page = log_in(Role.RESEARCHER)
    page.goto("/checkpoints/upload")
    lengths = [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 100_003]
    found = page.evaluate(
        """async (lengths) => {
          const { Sha256, hex } = await import("/static/upload-hash.js");
          return lengths.map((length) => {
            const bytes = Uint8Array.from({ length }, (_, place) => (place * 7) % 256);
            const sum = new Sha256();
            for (let at = 0; at < length; at += 77) sum.update(bytes.subarray(at, Math.min(length, at + 77)));
            return hex(sum.digest());
          });
        }""",
        lengths,
    )
    assert found == [
        hashlib.sha256(bytes(place * 7 % 256 for place in range(length))).hexdigest() for length in lengths
    ]
