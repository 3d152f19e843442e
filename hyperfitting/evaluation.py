"""What a checkpoint does with held-out passages: one line of JSON for each, from which every number is computed later.

Lines are added as they are made, so an evaluation that was cut off goes on with the passages that it lacks.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from app.domain.reference_tokens import CONTEXT_TOKENS, CONTINUATION_TOKENS, ReferenceTokenizer
from app.texts.reading import read_texts
from generation.engines.base import Decoding, Prompt
from generation.engines.transformers_engine import TransformersEngine
from generation.own_tokens import OwnTokens

AT_ONCE = 24
ROWS = 4


@dataclass(frozen=True)
class HeldOut:
    """A passage in the tokens of the base: the context as a model reads it, special tokens included, and the rest."""

    dataset: str
    number: int
    context: tuple[int, ...]
    original: tuple[int, ...]


@dataclass(frozen=True)
class Evaluated:
    """What one system did with one passage.

    `continuation` is generated from the context (224 tokens). The rest is of reading the passage itself: mean loss and
    entropy in nats, and the most likely next token at each place but the first.
    """

    dataset: str
    number: int
    continuation: tuple[int, ...]
    loss: float
    entropy: float
    top_1: tuple[int, ...]


def held_out_passages(file: Path, dataset: str, tokens: OwnTokens, limit: int) -> list[HeldOut]:
    """The first passages of a file of texts, each cut as a study would cut it."""
    reference = ReferenceTokenizer(tokens.tokenizer_json)
    before = tuple(tokens.prompt("a")[: tokens.beginning_length])
    passages = []
    for number, text in enumerate(islice(read_texts(file), limit)):
        token_ids = tuple(reference.cut(text.text).token_ids)
        context, original = token_ids[:CONTEXT_TOKENS], token_ids[CONTEXT_TOKENS:]
        passages.append(HeldOut(dataset, number, before + context, original))
    return passages


def evaluate(
    checkpoint: Path, decoding: Decoding, passages: Sequence[HeldOut], file: Path, report: Callable[[str], None]
) -> list[Evaluated]:
    """Evaluate what the file lacks of these passages, and return them all."""
    done = {(one.dataset, one.number): one for one in read_evaluated(file)}
    missing = [passage for passage in passages if (passage.dataset, passage.number) not in done]
    if missing:
        engine = TransformersEngine(checkpoint)
        for start in range(0, len(missing), AT_ONCE):
            for one in _evaluate(engine, decoding, missing[start : start + AT_ONCE]):
                done[one.dataset, one.number] = one
                _append(file, one)
            report(f"{min(start + AT_ONCE, len(missing))} of {len(missing)} passages")
    return [done[passage.dataset, passage.number] for passage in passages]


def read_evaluated(file: Path) -> list[Evaluated]:
    """The lines of the file; one that was cut off is none."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        if line.endswith("}"):
            saved = json.loads(line)
            saved["continuation"], saved["top_1"] = tuple(saved["continuation"]), tuple(saved["top_1"])
            found.append(Evaluated(**saved))
    return found


def _append(file: Path, one: Evaluated) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        # A line that a crash cut off must not swallow this one.
        stream.write(("" if _ends_a_line(file) else "\n") + json.dumps(asdict(one)) + "\n")


def _ends_a_line(file: Path) -> bool:
    return not file.stat().st_size or file.read_bytes()[-1:] == b"\n"


def _evaluate(engine: TransformersEngine, decoding: Decoding, passages: Sequence[HeldOut]) -> list[Evaluated]:
    prompts = [Prompt(passage.context) for passage in passages]
    written = engine.generate(prompts, decoding, new_tokens=CONTINUATION_TOKENS)
    read = _read(engine.model, np.array([passage.context + passage.original for passage in passages]))
    return [
        Evaluated(passage.dataset, passage.number, generated.token_ids, *seen)
        for passage, generated, seen in zip(passages, written, read, strict=True)
    ]


@torch.inference_mode()
def _read(
    model: nn.Module, rows: "np.ndarray[tuple[int, int], np.dtype[np.int64]]"
) -> list[tuple[float, float, tuple[int, ...]]]:
    """Per row (n, length): mean loss, mean entropy, and the most likely token at each place but the first."""
    found: list[tuple[float, float, tuple[int, ...]]] = []
    device = next(model.parameters()).device
    for start in range(0, len(rows), ROWS):
        token_ids = torch.from_numpy(rows[start : start + ROWS]).to(device)
        # (rows, places, vocabulary)
        log_probabilities = functional.log_softmax(model(input_ids=token_ids[:, :-1]).logits.float(), dim=-1)
        losses = -log_probabilities.gather(-1, token_ids[:, 1:, None])[..., 0].mean(dim=1)
        entropies = -(log_probabilities.exp() * log_probabilities).sum(dim=-1).mean(dim=1)
        top_1 = log_probabilities.argmax(dim=-1)
        found += [
            (float(loss), float(entropy), tuple(places))
            for loss, entropy, places in zip(losses, entropies, top_1.tolist(), strict=True)
        ]
    return found
