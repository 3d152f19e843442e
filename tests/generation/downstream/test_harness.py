"""The harness on a real tiny model: its scores are those of its own command on the same task files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.downstream_plan import PERPLEXITY, Part, parts_of
from app.errors import ToprankError
from generation.downstream.found import Metric
from generation.downstream.harness import Harness, TaskError, task_manager
from generation.own_tokens import OwnTokens
from tests.generation.downstream.tasks import QUESTIONS, write_tasks
from tests.tiny_model import save_tiny_model

# The harness and what it imports warn of their own deprecations.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("downstream") / "tasks")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("varied"), varied=True)


@pytest.fixture(scope="module")
def harness(checkpoint: Path, folder: Path) -> Harness:
    names = ["mmlu", "mmlu_left", "plain", "cola", "sst2", "rte"]
    return Harness(checkpoint, task_manager(names, str(folder)), limit=None, seed=1234, batch=8)


def by_name(metrics: list[Metric]) -> dict[tuple[str, str], Metric]:
    return {(one.task, one.metric): one for one in metrics}


def by_command(checkpoint: Path, folder: Path, out: Path, *, tasks: str, shots: int) -> dict[str, Any]:
    arguments = ["--model", "hf", "--model_args", f"pretrained={checkpoint},dtype=float32", "--device", "cpu"]
    arguments += ["--tasks", tasks, "--num_fewshot", str(shots), "--include_path", str(folder), "--batch_size", "8"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "DISABLE_MULTIPROC": "1"}
    command = [sys.executable, "-m", "lm_eval", "run", *arguments, "--output_path", str(out)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    (file,) = out.rglob("results*.json")
    found: dict[str, Any] = json.loads(file.read_text())["results"]
    return found


def test_scores_and_errors_are_those_of_the_harness_own_command(
    harness: Harness, checkpoint: Path, folder: Path, tmp_path: Path
) -> None:
    ours = by_name([*harness.evaluate(Part("mmlu", 2)), *harness.evaluate(Part("plain", 0))])
    # one command for both: no number of shots moves a task that says it takes none
    theirs = by_command(checkpoint, folder, tmp_path, tasks="mmlu,plain", shots=2)

    assert {task for task, _ in ours} == set(theirs) == {"mmlu", "mmlu_left", "mmlu_right", "plain"}
    for task, results in theirs.items():
        one = ours[task, "acc"]
        assert (one.value, one.stderr) == (results["acc,none"], results["acc_stderr,none"])
        assert one.shots == (0 if task == "plain" else 2)
        assert one.each is not None
        assert np.mean(one.each) == pytest.approx(one.value)
    assert ours["mmlu", "acc"].questions == 2 * QUESTIONS


def test_the_perplexity_of_a_question_is_of_its_zero_shot_text_alone(harness: Harness, checkpoint: Path) -> None:
    from transformers import AutoModelForCausalLM

    read = by_name(harness.evaluate(Part("mmlu_left", 0)))["mmlu_left", PERPLEXITY]
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    text = json.loads((Path(write_path(harness)) / "short" / "dev.jsonl").read_text().splitlines()[3])["sentence"]
    ids = torch.tensor([OwnTokens(checkpoint).read(f"{text}\nQuestion: Is it so?\nAnswer:").token_ids])
    with torch.inference_mode():
        expected = float(model(ids, labels=ids).loss.exp())
    assert read.each is not None
    assert len(read.each) == QUESTIONS
    assert read.each[3] == pytest.approx(expected, rel=1e-4)
    assert read.value == pytest.approx(np.mean(read.each))


def write_path(harness: Harness) -> str:
    return str(harness._tasks.include_path)


def test_no_perplexity_is_of_questions_with_examples_before_them(harness: Harness) -> None:
    assert {name for _, name in by_name(harness.evaluate(Part("mmlu_left", 1)))} == {"acc"}


def test_glue_takes_as_many_examples_as_fit(harness: Harness) -> None:
    (short,) = harness.evaluate(Part("cola", None))
    (long,) = harness.evaluate(Part("sst2", None))
    assert (short.metric, short.shots) == ("mcc", 4)
    assert short.each is None  # no mean over questions
    # 512 positions hold a question of some 30 words and three examples of as many, byte by byte
    assert 1 <= long.shots < 4
    assert harness.evaluate(Part("sst2", None))[0].value == long.value


def test_a_task_that_fails_says_why_and_the_next_one_works(harness: Harness) -> None:
    with pytest.raises(TaskError, match=r"^rte: .*gone"):
        harness.evaluate(Part("rte", 0))
    assert harness.evaluate(Part("cola", 0))[0].task == "cola"


def test_a_model_too_short_for_one_example_says_so(checkpoint: Path, folder: Path) -> None:
    harness = Harness(checkpoint, task_manager(["sst2"], str(folder)), limit=2, seed=1, batch=2)
    harness._model._max_length = 64
    with pytest.raises(TaskError, match="sst2: not even one example fits beside its question into 64 tokens"):
        harness.evaluate(Part("sst2", None))


def test_an_unknown_task_is_one_clear_line(folder: Path) -> None:
    assert "hellaswag" in task_manager(["mmlu", "cola", "hellaswag"], str(folder)).all_tasks
    with pytest.raises(TaskError, match=r"knows no task 'mmluu' \(there are: mmlu, ") as caught:
        task_manager(["mmlu", "mmluu"], str(folder))
    assert "\n" not in str(caught.value)
    with pytest.raises(ToprankError, match="no folder /nowhere with tasks"):
        task_manager(["mmlu"], "/nowhere")


def test_a_run_has_glues_seven_tasks_twice_and_every_other_task_at_each_number_of_shots() -> None:
    parts = [str(part) for part in parts_of(["mmlu", "glue"], [0, 5])]
    assert parts[:4] == ["mmlu@0", "mmlu@5", "cola@0", "cola@most"]
    assert len(parts) == 2 + 2 * 7
