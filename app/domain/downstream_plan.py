"""What a checkpoint is evaluated on (paper B.4): tasks of lm-evaluation-harness, each at some numbers of examples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.errors import ToprankError

MMLU = "mmlu"
GLUE = "glue"
GLUE_TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2")
MOST_GLUE_SHOTS = 4
PERPLEXITY = "question_perplexity"
TASK_NAME = r"[A-Za-z0-9][A-Za-z0-9_.:+/-]{0,199}"
MOST_TASKS, MOST_SHOTS, MOST_SHOT_COUNTS = 100, 100, 20
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class DownstreamPlan:
    """What to evaluate. `shots` are for every task but GLUE's, which take none, and the most that fit up to four."""

    tasks: tuple[str, ...] = (MMLU, GLUE)
    shots: tuple[int, ...] = (0, 1, 3, 5)
    question_limit: int | None = None
    seed: int = 1234
    task_folder: str | None = None

    def __post_init__(self) -> None:
        """Raises ToprankError for what makes no sense."""
        if not 1 <= len(self.tasks) <= MOST_TASKS:
            raise ToprankError(f"Name at least one task, such as mmlu or glue, and at most {MOST_TASKS}.")
        for name in self.tasks:
            if not re.fullmatch(TASK_NAME, name):
                raise ToprankError(f"{name!r} is no name of a task; names have letters, digits and _.:+/-.")
        if not 1 <= len(self.shots) <= MOST_SHOT_COUNTS or not all(0 <= one <= MOST_SHOTS for one in self.shots):
            raise ToprankError(f"Shots are 1 to {MOST_SHOT_COUNTS} numbers, each from 0 to {MOST_SHOTS}.")
        if self.question_limit is not None and not 1 <= self.question_limit <= LARGEST:
            raise ToprankError(f"The limit is {self.question_limit} questions; it has to be 1 or more.")
        if not 0 <= self.seed <= LARGEST:
            raise ToprankError(f"The seed is {self.seed}; it has to be between 0 and {LARGEST}.")


class Part(NamedTuple):
    """What is evaluated and kept together; `shots` is None for the most that fit, up to four."""

    task: str
    shots: int | None

    def __str__(self) -> str:
        return f"{self.task}@{'most' if self.shots is None else self.shots}"


def parts_of(tasks: Sequence[str], shots: Sequence[int]) -> list[Part]:
    """What a run consists of, in order; GLUE's tasks have shots of their own."""
    parts = []
    for name in tasks:
        if name == GLUE:
            parts += [Part(task, count) for task in GLUE_TASKS for count in (0, None)]
        else:
            parts += [Part(name, count) for count in shots]
    return list(dict.fromkeys(parts))


def read_tasks(written: str) -> tuple[str, ...]:
    """Names with commas or spaces between, as people write them.

    >>> read_tasks("mmlu, glue,")
    ('mmlu', 'glue')
    """
    return tuple(name for name in re.split(r"[,\s]+", written) if name)


def read_shots(written: str) -> tuple[int, ...]:
    """Numbers with commas or spaces between. Raises ToprankError.

    >>> read_shots("0, 1,5")
    (0, 1, 5)
    """
    try:
        return tuple(int(one) for one in re.split(r"[,\s]+", written.strip()))
    except ValueError as error:
        raise ToprankError(f"Shots are {written!r}; give numbers with commas between, such as 0,1,5.") from error
