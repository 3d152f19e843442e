"""The whole way by commands: texts, a model, judgements over HTTP, a results table and a CSV."""

import asyncio
import csv
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.errors import ConflictError, ToprankError
from app.models import Passage, Study, System, TrainingTexts
from app.models.protocol import Stopping
from cli.main import app
from tests.factories import make_continuation, make_person
from tests.serving import AnnotatorClient, log_in, serve, settings_for
from tests.tiny_model import sample_text


def run(*arguments: object) -> Result:
    """Runs a command, which must succeed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def fails(*arguments: object) -> str:
    """Runs a command, which must end with an error a person can act on; returns its one line."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(done.exception, ToprankError), done.output
    return str(done.exception)


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": sample_text(number)}) for number in range(3)]
    file.write_text("\n".join([*lines, json.dumps({"text": "Too short."})]))
    return file


@pytest.fixture
def study(tiny_checkpoint: Path, texts: Path) -> str:
    """A draft with passages and a greedy system, all made by commands."""
    run("study", "create", "tiny", "--tokenizer", tiny_checkpoint, "--dataset", "stories", "--quota", 1)
    run("passages", "import", "tiny", "--dataset", "stories", texts, "--accept")
    run("checkpoint", "add", "babble", tiny_checkpoint)
    run("system", "add", "tiny", "greedy", "--checkpoint", "babble", "--decoding", "greedy")
    return "tiny"


def test_from_texts_to_a_table_and_a_csv(study: str, engine: Engine, database_url: str, tmp_path: Path) -> None:
    run("study", "open", study)
    written = json.loads(run("generate", study, "--now", "--json").stdout)
    assert written == {"study": "tiny", "written": ["greedy"]}
    assert "Nothing is missing." in run("generate", study, "--now").stdout

    # in a thread of its own: a browser that another test left open keeps an event loop running in this one
    with ThreadPoolExecutor(1) as thread:
        judged = thread.submit(asyncio.run, judge_everything(engine, database_url, tmp_path)).result()

    # 3 passages x 2 scenarios, one annotation each; a passage is shown to nobody twice, hence two people
    assert judged == 6
    run("study", "close", study)
    systems = json.loads(run("results", study, "--json").stdout)["systems"]
    assert [(one["scenario"], one["n"], one["wanted"]) for one in systems] == [(128, 3, 3), (256, 3, 3)]
    assert r"\toprule" in run("results", study, "--latex").stdout
    run("export", study, "--texts", "--out", tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["counted"] * 6
    assert len(run("export", study, "--format", "jsonl").stdout.splitlines()) == 6


async def judge_everything(engine: Engine, database_url: str, data_dir: Path) -> int:
    settings = settings_for(database_url, data_dir)
    with Session(engine) as session:
        tokens = [log_in(session, make_person(session), settings) for _ in range(2)]
        session.commit()
    judged = 0
    with serve(settings) as address:
        for token in tokens:
            async with AnnotatorClient(address, token) as client:
                claim = await client.open("tiny")
                while claim is not None:
                    claim = await client.judge(claim, "equal")
                judged += len(client.acknowledged)
    return judged


def test_what_is_missing_is_queued_for_workers(study: str) -> None:
    assert json.loads(run("generate", study, "--json").stdout) == {"study": "tiny", "queued": ["greedy"]}
    assert "Nothing is missing." in run("generate", study).stdout  # its job waits already
    shown = json.loads(run("study", "show", study, "--json").stdout)
    assert shown["progress"]["systems"][0]["state"] == "queued"
    assert (shown["pace"]["per_hour"], len(shown["pace"]["hours"]), shown["alerts"]) == (None, 24, [])
    assert "greedy" in run("study", "show", study).stdout


def test_the_import_reports_what_it_left_out(study: str, texts: Path) -> None:
    report = json.loads(run("passages", "import", study, "--dataset", "stories", texts, "--json").stdout)
    assert (report["imported"], report["already_there"], report["too_short"]) == (0, 3, 1)
    assert (
        "1 have fewer than 256 tokens (lines 4)."
        in run("passages", "import", study, "--dataset", "stories", texts).stdout
    )


def test_texts_of_the_hub_are_imported_as_those_of_a_file(study: str, tmp_path: Path, texts: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "test.jsonl").write_text(json.dumps({"story": sample_text(9)}))
    hub = ("--hf", tmp_path / "hub", "--split", "test", "--column", "story")

    done = run("passages", "import", study, "--dataset", "stories", *hub)

    assert done.stdout == "1 texts read: 1 passages imported, waiting for somebody to accept them.\n"
    for sources in ((), (texts, *hub)):
        assert "a file, or a data set by --hf, and not both" in fails(
            "passages", "import", study, "--dataset", "stories", *sources
        )


def test_texts_that_cannot_be_cut_are_told_by_their_lines(study: str, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("a" * 4000)

    done = run("passages", "import", study, "--dataset", "stories", tmp_path / "long.txt")

    assert "1 have no sentence whose first 32 tokens end between words (lines 1)." in done.stdout


def test_a_study_shows_its_stopping_rule_what_was_blocked_and_what_went_wrong(
    study: str, texts: Path, engine: Engine
) -> None:
    blocked = ("--checkpoint", "babble", "--decoding", "greedy", "--block-citations", "--training-set", texts)
    run("system", "add", study, "blocked", *blocked)
    with Session(engine) as session:
        system = session.query(System).filter_by(name="blocked").one()
        assert session.query(TrainingTexts).one().texts == [*map(sample_text, range(3)), "Too short."]
        passage = session.query(Passage).order_by(Passage.id).first()
        make_continuation(session, system, passage, citation_matches=5, citation_blocks=2)
        system.reason = "The disk was full."
        session.query(Study).update({"stop_at": datetime(2026, 1, 1, tzinfo=UTC), "stopping": Stopping.DATE})
        session.commit()

    lines = run("study", "show", study).stdout.splitlines()

    assert "The stopping rule is reached: the study stops at 2026-01-01" in lines[1]
    assert "    citations: 5 steps in the training set, 2 changed" in lines
    assert "    The disk was full." in lines


def test_lists_are_for_people_and_programs(study: str) -> None:
    assert json.loads(run("study", "list", "--json").stdout)[0]["slug"] == study
    assert study in run("study", "list").stdout
    assert json.loads(run("checkpoint", "list", "--json").stdout)[0]["name"] == "babble"
    assert "babble" in run("checkpoint", "list").stdout


def test_every_mistake_is_one_clear_line(study: str, texts: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    assert "no study 'other'" in fails("study", "show", "other")
    assert "no dataset 'news'" in fails("passages", "import", study, "--dataset", "news", texts)
    assert "Nothing was imported" in fails("passages", "import", study, "--dataset", "stories", tmp_path / "no.csv")
    assert "There is no engine magic" in fails("generate", study, "--engine", "magic")
    assert "There is no tokenizer at" in fails(
        "study", "create", "x", "--tokenizer", tmp_path / "none", "--dataset", "d"
    )
    assert "none.md cannot be read" in fails(
        "study", "create", "x", "--tokenizer", tiny_checkpoint, "--dataset", "d", "--guidelines", tmp_path / "none.md"
    )
    assert "results by system open when it closes" in fails("results", study, "--json")
    assert "There is no researcher" in fails("results", study, "--look", "nobody@lab.example")
    assert "cannot be written" in fails("export", study, "--out", tmp_path / "no" / "folder.csv")


def test_a_broken_file_leaves_nothing_half_imported(study: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(json.dumps({"text": sample_text(40)}) + "\nnot json\n")
    assert "Line 2 is not JSON." in fails("passages", "import", study, "--dataset", "stories", broken)
    shown = json.loads(run("study", "show", study, "--json").stdout)
    assert shown["progress"]["datasets"][0]["accepted"] == 3


def test_a_system_that_fails_says_why(study: str, engine: Engine, tmp_path: Path) -> None:
    with Session(engine) as session:
        from app.models import Checkpoint

        session.query(Checkpoint).update({"source": str(tmp_path / "gone")})
        session.commit()
    assert "greedy: There is no folder" in fails("generate", study, "--now")
    with Session(engine) as session:
        assert session.query(System).one().state == "failed"


def test_a_system_that_fails_leaves_the_others_to_be_written(study: str, engine: Engine, tmp_path: Path) -> None:
    run("checkpoint", "add", "elsewhere", "org/elsewhere")
    run("system", "add", study, "last", "--checkpoint", "babble", "--decoding", "greedy")
    with Session(engine) as session:
        from app.models import Checkpoint

        elsewhere = session.query(Checkpoint).filter_by(name="elsewhere").one()
        elsewhere.source = str(tmp_path / "gone")
        session.query(System).filter_by(name="greedy").update({"checkpoint_id": elsewhere.id})
        session.commit()

    assert "greedy: There is no folder" in fails("generate", study, "--now")

    with Session(engine) as session:
        assert {one.name: one.state for one in session.query(System)} == {"greedy": "failed", "last": "done"}


def test_systems_that_share_a_checkpoint_load_it_once(
    study: str, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    for name, decoding in (("sampling", "nucleus"), ("last", "greedy")):
        run("system", "add", study, name, "--checkpoint", "babble", "--decoding", decoding)

    with caplog.at_level(logging.INFO, "toprank.generation"):
        written = json.loads(run("generate", study, "--now", "--engine", "transformers", "--json").stdout)

    assert written["written"] == ["greedy", "sampling", "last"]
    assert caplog.text.count("loads the checkpoint") == 1


def test_an_opened_study_keeps_its_systems(study: str) -> None:
    run("study", "open", study)
    arguments = ("system", "add", study, "late", "--checkpoint", "babble", "--decoding", "nucleus")
    assert "locked when it opened" in fails(*arguments)
    run("study", "pause", study)
    done = CliRunner().invoke(app, ["study", "pause", study])
    assert isinstance(done.exception, ConflictError)
