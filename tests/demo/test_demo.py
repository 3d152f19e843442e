"""The demo's study and its three people."""

import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.auth.accounts import authenticate
from app.domain.studies import find_study
from app.errors import ToprankError
from app.models import Checkpoint, Passage, Person, System
from app.models.checkpoint import CheckpointState
from app.models.study import StudyState
from app.models.system import GenerationState
from app.queue import is_queued
from app.settings import Settings
from app.texts.reading import read_texts
from cli.main import app
from demo import accounts, study
from generation.own_tokens import OwnTokens
from generation.smollm2 import checkpoint_dir
from hyperfitting.config import HyperfitConfig
from hyperfitting.data import Document, choose
from hyperfitting.overlap import overlapping


@pytest.fixture
def url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def logins_of(file: Path) -> list[dict[str, str]]:
    return json.loads(file.read_text())  # type: ignore[no-any-return]


def test_each_role_gets_a_login_that_works_and_is_kept_private(engine: Engine, url: str, tmp_path: Path) -> None:
    file = tmp_path / "new" / "logins.json"
    made = accounts.prepare(url, file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert logins_of(file) == made.new
    assert [login["role"] for login in made.new] == ["annotator", "researcher", "admin"]
    with Session(engine) as session:
        assert all(authenticate(session, email=one["email"], password=one["password"]) for one in made.new)
    assert all(login["password"] in made.greeting for login in made.new)


def test_a_second_start_keeps_the_logins_and_says_no_password(url: str, tmp_path: Path) -> None:
    first = accounts.prepare(url, tmp_path / "logins.json")
    second = accounts.prepare(url, tmp_path / "logins.json")
    assert second.new == []
    assert not any(login["password"] in second.greeting for login in first.new)


@pytest.mark.parametrize("content", [None, "nonsense", "{}", '[{"role": "admin"}]', '["x"]'])
def test_a_file_that_is_gone_or_wrong_gets_new_passwords(
    engine: Engine, url: str, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "logins.json"
    accounts.prepare(url, file)
    before = logins_of(file)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)

    again = accounts.prepare(url, file)

    assert len(again.new) == 3
    assert {one["password"] for one in before}.isdisjoint(one["password"] for one in again.new)
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 3


def test_a_file_that_cannot_be_written_leaves_no_accounts(engine: Engine, url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToprankError, match="The logins cannot be written"):
        accounts.prepare(url, tmp_path / "file" / "logins.json")
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 0


@pytest.mark.model
def test_the_study_opens_with_real_passages_and_its_jobs(engine: Engine, url: str, tmp_path: Path) -> None:
    checkpoint = checkpoint_dir(Settings().cache_dir)
    study.prepare(url, checkpoint, tmp_path)
    outlook = study.prepare(url, checkpoint, tmp_path)  # a later start finds everything there

    with Session(engine) as session:
        made = find_study(session, study.SLUG)
        assert (made.state, made.open_to_look) == (StudyState.OPEN, True)
        per_dataset = select(func.count()).select_from(Passage).group_by(Passage.dataset_id)
        assert session.scalars(per_dataset).all() == [24, 24, 24]
        first = session.scalars(select(System).order_by(System.id)).first()
        assert first is not None
        assert first.state is GenerationState.QUEUED
        assert is_queued(session, f"generate:{first.id}")
        states = {system.name: system.state for system in session.scalars(select(System))}
        waiting = {study.HYPERFITTED, f"{study.HYPERFITTED}, citations blocked"}
        assert {name for name, state in states.items() if state is GenerationState.IDLE} == waiting
        assert len(states) == 5
        hyperfitted = session.scalars(select(Checkpoint).where(Checkpoint.name == study.HYPERFITTED)).one()
        assert f"/checkpoints/{hyperfitted.id}/hyperfitting" in outlook
        tasks = session.execute(text("SELECT task_name FROM procrastinate.procrastinate_jobs ORDER BY id"))
        # what people can judge soon comes before what takes minutes to train
        assert tasks.scalars().all() == [*["generation:generate"] * 3, "hyperfitting:hyperfit"]
        hyperfitted.state = CheckpointState.READY
        session.commit()
    assert study.prepare(url, checkpoint, tmp_path) == ""  # nothing is waited for


@pytest.mark.model
def test_the_texts_to_hyperfit_on_are_enough_and_share_nothing_with_the_passages() -> None:
    def read(name: str) -> list[Document]:
        return [Document(one.text, one.source) for one in read_texts(study.TEXTS / f"{name}.jsonl")]

    texts = read("training")
    config = HyperfitConfig.from_json(study.RECIPE)

    chosen = choose(texts, OwnTokens(checkpoint_dir(Settings().cache_dir)), config)

    assert overlapping(texts, [passage for name in study.DATASETS for passage in read(name)]) == []
    assert (len(chosen.training), len(chosen.validation)) == (config.samples, config.validation_samples)
    assert config.total_updates == study.UPDATES


def test_the_demo_leaves_a_database_of_ones_own_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    done = CliRunner().invoke(app, ["demo"])
    assert "DATABASE_URL is set" in str(done.exception)
