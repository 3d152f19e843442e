"""A folder of tasks in the harness's own format: small ones under the names of MMLU's and GLUE's, and a broken one."""

import json
from pathlib import Path

WORDS = ("house", "lane", "river", "boat", "train", "bread", "lamp", "stone", "letter", "drawer", "rain", "beach")
QUESTIONS = 12
CHOICE_TASK = """\
task: {name}
dataset_path: json
dataset_kwargs:
  data_files: {{train: {folder}/train.jsonl, validation: {folder}/dev.jsonl}}
output_type: multiple_choice
training_split: train
validation_split: validation
{few}doc_to_text: "{{{{sentence}}}}\\nQuestion: Is it so?\\nAnswer:"
doc_to_target: label
doc_to_choice: ["no", "yes"]
metric_list:
  - metric: {metric}
metadata: {{version: 1.0}}
"""
FIRST_N = "fewshot_split: train\nfewshot_config: {sampler: first_n}\n"
GROUP = """\
group: mmlu
task: [mmlu_left, mmlu_right]
aggregate_metric_list:
  - metric: acc
    weight_by_size: true
metadata: {version: 1}
"""


def write_tasks(folder: Path) -> Path:
    """`mmlu` of two subjects, `cola` by mcc, `sst2` whose examples are too long to come in fours, a broken `rte`."""
    folder.mkdir()
    _write_questions(folder)
    for name, few, metric in (
        ("mmlu_left", FIRST_N, "acc"),
        ("mmlu_right", FIRST_N, "acc"),
        ("plain", "num_fewshot: 0\n", "acc"),
        ("cola", "", "mcc"),
        ("sst2", "", "acc"),
    ):
        file = folder / f"{name}.yaml"
        data = folder / ("long" if name == "sst2" else "short")
        file.write_text(CHOICE_TASK.format(name=name, folder=data, few=few, metric=metric))
    (folder / "rte.yaml").write_text(CHOICE_TASK.format(name="rte", folder=folder / "gone", few="", metric="acc"))
    (folder / "mmlu.yaml").write_text(GROUP)
    return folder


def _write_questions(folder: Path) -> None:
    for kind, words in (("short", 3), ("long", 30)):
        (folder / kind).mkdir()
        for split, first in (("train", 0), ("dev", 5)):
            rows = [_question(number + first, words) for number in range(QUESTIONS)]
            lines = "\n".join(json.dumps(row) for row in rows)
            (folder / kind / f"{split}.jsonl").write_text(lines + "\n")


def _question(number: int, words: int) -> dict[str, object]:
    """Three of four say yes."""
    sentence = " ".join(WORDS[(number * 7 + step * (number + 1)) % len(WORDS)] for step in range(words))
    return {"sentence": f"Number {number}: {sentence}.", "label": int(number % 4 != 0)}
