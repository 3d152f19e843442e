"""A whole run: what it leaves, and how it goes on after any end."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from app.errors import ConflictError, ToprankError
from generation.citation.index import CitationIndex
from generation.engines.base import Decoding, Prompt
from generation.engines.transformers_engine import TransformersEngine
from hyperfitting import disk
from hyperfitting.checkpoints import read_lineage
from hyperfitting.config import Keep
from hyperfitting.curve import read_curve
from hyperfitting.data import choose
from hyperfitting.disk import FullDiskError
from hyperfitting.run import Watchers, hyperfit
from hyperfitting.training import DivergedError
from tests.hyperfitting.conftest import make_documents


class Killed(BaseException):
    """Stands for whatever ends a process."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def kill_at(update: int):
    def on_step(step):
        if step.update == update:
            raise Killed

    return Watchers([on_step])


def test_a_finished_checkpoint_is_complete_and_generates(plan):
    made = hyperfit(plan(), Watchers())

    names = {file.name for file in made.iterdir()}
    assert names >= {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "toprank.json",
        "curve.jsonl",
        "citation_index",
    }
    generated = TransformersEngine(made).generate([Prompt((5, 6, 7))], Decoding(), new_tokens=9)
    assert len(generated[0].token_ids) == 9
    assert not plan().work.exists()


def test_it_says_where_it_came_from(plan):
    wanted = plan()

    lineage = read_lineage(hyperfit(wanted, Watchers()))

    assert lineage.base == "tiny"
    assert lineage.base_sha256.keys() == {"model.safetensors"}
    assert lineage.config == wanted.config.as_json()
    assert lineage.update == 6
    assert lineage.ended == "at the last update"
    assert lineage.overlap == "not checked: there was no database with passages"
    assert lineage.code.startswith("toprank ")


def test_its_citation_index_is_of_the_sequences_it_was_trained_on(plan, tokens):
    wanted = plan()
    made = hyperfit(wanted, Watchers())
    trained = choose(wanted.documents, tokens, wanted.config)

    index = CitationIndex.load(made / "citation_index")

    assert index.identity.training_set_hash == trained.training_set.sha256 == read_lineage(made).training_set_sha256
    rows, _ = index.find(trained.training[:, 3:8].astype("int64"))
    assert len(rows) == 16


def test_the_curve_has_a_point_before_the_first_update_and_one_for_each_epoch(plan):
    points = []

    made = hyperfit(plan(), Watchers(on_point=[points.append]))

    assert [point.update for point in points] == [0, 2, 4, 6]
    assert read_curve(made / "curve.jsonl") == points
    assert points[0].train_loss is None
    assert points[-1].train_loss < points[1].train_loss
    assert 0 < points[-1].ttr_last_96 <= 1
    assert 0 < points[-1].ttr_first_96 <= 1
    assert [len(point.texts) for point in points] == [2, 2, 2, 2]


def test_every_step_is_reported(plan):
    steps = []

    hyperfit(plan(), Watchers([steps.append]))

    assert [(step.update, step.total) for step in steps] == [(update, 6) for update in range(1, 7)]
    assert str(steps[0]).startswith("update 1 of 6, loss ")


def test_a_run_that_was_cut_off_ends_with_the_weights_of_one_that_was_not(plan):
    whole = hyperfit(plan(out="whole"), Watchers())
    with pytest.raises(Killed):
        hyperfit(plan(out="cut"), kill_at(5))
    assert not (plan(out="cut").out).exists()

    gone_on = hyperfit(plan(out="cut"), Watchers())

    assert_same_weights(whole, gone_on)
    assert [replace(point, tokens_per_second=None) for point in read_curve(gone_on / "curve.jsonl")] == [
        replace(point, tokens_per_second=None) for point in read_curve(whole / "curve.jsonl")
    ]


def test_a_run_goes_on_from_its_last_state_and_not_from_the_beginning(plan):
    with pytest.raises(Killed):
        hyperfit(plan(), kill_at(5))
    steps = []

    hyperfit(plan(), Watchers([steps.append]))

    assert [step.update for step in steps] == [5, 6]  # the state is of update 4


def test_a_run_killed_before_its_first_state_begins_again(plan):
    whole = hyperfit(plan(out="whole"), Watchers())
    with pytest.raises(Killed):
        hyperfit(plan(out="cut"), kill_at(1))

    assert_same_weights(whole, hyperfit(plan(out="cut"), Watchers()))


KILLED_RUN = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from hyperfitting.plan import Plan
from hyperfitting.run import Watchers, hyperfit
from tests.hyperfitting.conftest import SMALL, make_documents

def on_step(step):
    if step.update == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

base, out = Path(sys.argv[1]), Path(sys.argv[2])
hyperfit(Plan(base, "tiny", make_documents(30), "words", out, SMALL), Watchers([on_step]))
"""


@pytest.mark.faults
def test_kill_9_loses_nothing_that_was_saved(plan, tiny_checkpoint):
    torch.set_num_threads(1)
    whole = hyperfit(plan(out="whole"), Watchers())
    cut = plan(out="cut").out

    for update in (3, 5, 0):
        command = [sys.executable, "-c", KILLED_RUN, tiny_checkpoint, cut, str(update)]
        ended = subprocess.run(command, check=False, capture_output=True)
        assert ended.returncode == (-signal.SIGKILL if update else 0), ended.stderr

    assert_same_weights(whole, cut)


def test_what_is_done_is_not_done_again(plan):
    made = hyperfit(plan(), Watchers())
    before = (made / "model.safetensors").stat()

    hyperfit(plan(), kill_at(1))

    assert (made / "model.safetensors").stat() == before


def test_a_folder_that_holds_something_else_is_left_alone(plan):
    hyperfit(plan(), Watchers())

    with pytest.raises(ConflictError, match="holds something else; choose another --out"):
        hyperfit(plan(lr=1e-4), Watchers())


def test_an_unfinished_run_with_other_choices_is_left_alone(plan):
    with pytest.raises(Killed):
        hyperfit(plan(), kill_at(3))

    with pytest.raises(ConflictError, match="an unfinished run with other choices"):
        hyperfit(plan(lr=1e-4), Watchers())


def test_a_diverging_run_stops_and_keeps_its_last_good_state(plan):
    wanted = plan(lr=1e18, epochs=8, contexts=0)

    with pytest.raises(DivergedError, match=r"became (nan|inf) at update \d.*Lower --lr"):
        hyperfit(wanted, Watchers())

    assert not wanted.out.exists()
    assert (wanted.work / "plan.json").exists()


def test_the_kept_state_of_a_diverging_run_is_the_last_that_was_saved(plan):
    wanted = plan()

    def spoil(point):
        if point.update == 4:
            raise DivergedError("The training loss became nan at update 5")

    with pytest.raises(DivergedError):
        hyperfit(wanted, Watchers(on_point=[spoil]))

    assert json.loads((wanted.work / "state.json").read_text())["update"] == 2


def test_the_checkpoint_can_be_the_one_of_the_lowest_validation_loss(plan):
    # so few samples are soon known by heart, and the held-out loss rises again from update 39 of 60 on
    choices = {"samples": 8, "lr": 0.01, "contexts": 0}
    made = hyperfit(plan(keep=Keep.LOWEST_VALIDATION_LOSS, epochs=60, **choices), Watchers())

    trained = [point for point in read_curve(made / "curve.jsonl") if point.update]
    best = min(trained, key=lambda point: point.validation_loss)
    assert best.update < 60
    assert read_lineage(made).update == best.update
    stopped = hyperfit(plan(out="stopped", updates=best.update, **choices), Watchers())
    assert_same_weights(made, stopped)


def test_documents_that_overlap_with_passages_are_left_out_and_counted(plan, tokens):
    passages = [make_documents(30)[3], make_documents(30)[8]]
    wanted = replace(plan(), passages=passages)

    lineage = read_lineage(hyperfit(wanted, Watchers()))

    assert lineage.documents_left_out == 2
    assert lineage.overlap == "2 documents that overlap with 2 accepted passages were left out"


def test_an_overlap_that_is_allowed_is_recorded(plan):
    wanted = replace(plan(allow_overlap=True), passages=make_documents(30)[:5])

    lineage = read_lineage(hyperfit(wanted, Watchers()))

    assert lineage.documents_left_out == 0
    assert lineage.overlap == "allowed: nothing was left out"


def test_texts_that_are_all_passages_are_refused(plan):
    with pytest.raises(ToprankError, match="Give other texts, or --allow-overlap"):
        hyperfit(replace(plan(), passages=make_documents(30)), Watchers())


def test_a_full_disk_is_said_before_anything_is_written_and_the_run_goes_on_later(plan, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(disk, "MARGIN_BYTES", 1 << 60)
        with pytest.raises(FullDiskError, match="make room, then run the same command to go on"):
            hyperfit(plan(), Watchers())

    assert hyperfit(plan(), Watchers()).exists()


FULL_DISK = """
import resource, sys
from pathlib import Path
from app.errors import ToprankError
from hyperfitting.plan import Plan
from hyperfitting.run import Watchers, hyperfit
from tests.hyperfitting.conftest import SMALL, make_documents

def on_step(step):
    if step.update == 3:  # one state is saved; from now on no file may grow beyond 20 KB
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

base, out = Path(sys.argv[1]), Path(sys.argv[2])
try:
    hyperfit(Plan(base, "tiny", make_documents(30), "words", out, SMALL), Watchers([on_step]))
except ToprankError as error:
    sys.exit(str(error))
"""


@pytest.mark.faults
def test_a_write_that_fails_keeps_the_state_before_it(plan, tiny_checkpoint):
    wanted = plan()

    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tiny_checkpoint, wanted.out], check=False, capture_output=True, text=True
    )

    assert ended.returncode == 1
    assert "What was saved before is kept" in ended.stderr
    assert json.loads((wanted.work / "state.json").read_text())["update"] == 2
    steps = []
    hyperfit(wanted, Watchers([steps.append]))
    assert steps[0].update == 3
