"""lm-evaluation-harness on one of our checkpoints: it builds the questions, asks, and scores; we add no scoring.

Models are loaded as everywhere here: from safetensors alone, float32 on a CPU and bfloat16 on a GPU. A task is a
program of whoever wrote it, so whatever it raises is that task's failure and nobody else's.
"""

import importlib.metadata
import math
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.downstream_plan import MOST_GLUE_SHOTS, PERPLEXITY, Part
from app.errors import ToprankError
from generation.downstream.found import Metric, group_metrics, in_order, leaf_metrics, mean_of
from generation.own_tokens import OwnTokens

# f1 and mcc have no closed form; the harness's 100,000 resamples take hours on the larger sets.
BOOTSTRAPS = 1_000
MEASURED = 64
TASK_ERRORS = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(RuntimeError, ArithmeticError, ImportError, SyntaxError),
)


class TaskError(ToprankError):
    """A task that the harness could not load or evaluate, or does not know."""


def check_installed() -> None:
    """Raises ToprankError where there is no harness."""
    if find_spec("lm_eval") is None:
        raise ToprankError("lm-evaluation-harness is not installed here: pip install 'toprank[downstream]'.")


def task_manager(tasks: Sequence[str], task_folder: str | None) -> Any:
    """Whoever loads these tasks, those of the folder before those of the harness.

    Raises ToprankError where there is no harness or no such folder, TaskError for the first name that nobody knows.
    """
    check_installed()
    if task_folder is not None:
        if not Path(task_folder).is_dir():
            raise ToprankError(f"There is no folder {task_folder} with tasks on this machine.")
        # The harness reads all of its 10,000 files to know their names, which a folder with all that is asked spares.
        own = _known(task_folder, has_defaults=False)
        if set(tasks) <= set(own.all_tasks):
            return own
    manager = _known(task_folder, has_defaults=True)
    known = set(manager.all_tasks)
    for name in tasks:
        if name not in known:
            alike = [one for one in sorted(known) if one.startswith(name[:4])][:5]
            hint = f" (there are: {', '.join(alike)}, ...)" if alike else ""
            raise TaskError(f"lm-evaluation-harness knows no task {name!r}{hint}.")
    return manager


@lru_cache(maxsize=4)
def _known(task_folder: str | None, *, has_defaults: bool) -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=task_folder, include_defaults=has_defaults)


class Harness:
    """A loaded checkpoint with the harness around it."""

    def __init__(self, checkpoint: Path, tasks: Any, *, limit: int | None, seed: int, batch: int) -> None:
        """Load the checkpoint, for questions of what `task_manager` gave. Raises CheckpointError."""
        self._tasks = tasks
        os.environ.setdefault("DISABLE_MULTIPROC", "1")  # processes would be forked from one that runs torch's threads
        from lm_eval.models.huggingface import HFLM
        from transformers import AutoTokenizer

        from generation.predictor import Predictor

        self._own_tokens = OwnTokens(checkpoint)
        self._own_tokens.check_vocabulary(checkpoint)
        self._predictor = Predictor(checkpoint)
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True, trust_remote_code=False)
        self._model = HFLM(pretrained=self._predictor.model, tokenizer=tokenizer, backend="causal", batch_size=batch)
        self._limit, self._seed = limit, seed

    @property
    def version(self) -> str:
        """What the numbers were made with, for the record."""
        return f"lm_eval {importlib.metadata.version('lm_eval')}, {self._predictor.precision}"

    def evaluate(self, part: Part) -> list[Metric]:
        """Every metric of the part's tasks and groups. Raises TaskError with a reason in one line."""
        try:
            with redirect_stdout(sys.stderr):  # the harness prints, and our standard output may be JSON
                shots, found = self._ask(part)
        except TASK_ERRORS as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise TaskError(f"{part.task}: {said[0]}") from error
        leaves = leaf_metrics(found, shots)
        if shots == 0:
            leaves += self._perplexities(found["samples"])
        return leaves + group_metrics(found, leaves, shots)

    def _ask(self, part: Part) -> tuple[int, dict[str, Any]]:
        """How many examples stood before each question, and everything that the harness found."""
        from lm_eval import simple_evaluate

        loaded = self._tasks.load([part.task])
        shots = self._most_shots(loaded["tasks"]) if part.shots is None else part.shots
        return shots, simple_evaluate(
            model=self._model,
            tasks=list(loaded["groups"].values())[:1] or list(loaded["tasks"].values()),
            task_manager=self._tasks,
            num_fewshot=shots,
            limit=self._limit,
            bootstrap_iters=BOOTSTRAPS,
            fewshot_random_seed=self._seed,
        )

    def _most_shots(self, tasks: dict[str, Any]) -> int:
        """The most examples with which every question fits the model; drawn by the labels' distribution."""
        from generation.downstream.sampling import LabelDistributionSampler

        for task in tasks.values():
            task.sampler = LabelDistributionSampler(list(task.fewshot_docs()), label_of=task.doc_to_target)
        for shots in range(MOST_GLUE_SHOTS, 0, -1):
            if all(self._fits(task, shots) for task in tasks.values()):
                return shots
        raise ValueError(f"not even one example fits beside its question into {self._model.max_length} tokens")

    def _fits(self, task: Any, shots: int) -> bool:
        task.set_config(key="num_fewshot", value=shots)
        task.set_fewshot_seed(seed=self._seed)
        task.build_all_requests(limit=self._limit)
        texts = sorted(("".join(request.args[:2]) for request in task.instances), key=len)
        # Texts with more characters than others may have fewer tokens, but not by much.
        return all(len(self._model.tok_encode(text)) <= self._model.max_length for text in texts[-MEASURED:])

    def _perplexities(self, samples: dict[str, list[dict[str, Any]]]) -> list[Metric]:
        """Of each zero-shot question alone, by our own reading of it, as a mean over questions."""
        found = []
        for task, rows in samples.items():
            texts = [row["arguments"][0][0] for row in in_order(rows)]
            readings = [self._own_tokens.read(text) for text in texts]
            if not readings or min(reading.predicted for reading in readings) < 1:
                continue
            predicted = self._predictor.predict([reading.token_ids for reading in readings])
            each = [
                math.exp(-float(one.log_probs[-reading.predicted :].mean(dtype=np.float64)))
                for one, reading in zip(predicted, readings, strict=True)
            ]
            found.append(mean_of(task, 0, PERPLEXITY, each))
        return found
