"""Generation: our service beside bare vLLM and transformers, and what blocking citations costs, in one run.

*Service* is a writer from a passage's context to its text and counts, without the database; *bare* is the same loaded
vLLM asked for the same tokens and nothing else. Rounds alternate, and the fastest of each counts. On a machine shared
with others trust the ratios of CPU time. Where two engines disagree, the gap between the two scores is printed.

    .venv-vllm/bin/python -m benchmarks.generation --json           # on a CPU
    python -m benchmarks.generation --json --gpu                    # where there is a GPU and vllm
    python -m benchmarks.generation --json --only blocker           # needs no vLLM
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from app.domain.reference_tokens import ReferenceTokenizer
from app.errors import ToprankError
from app.models import Passage
from app.settings import Settings
from benchmarks.blocker import measure_blocker
from generation import smollm2
from generation.citation.boundaries import WordBoundaries
from generation.citation.index import CitationIndex
from generation.citation.training_set import TrainingSet
from generation.engines.base import Decoding, Engine, EngineSettings, Generated, Prompt, passage_seed
from generation.own_tokens import OwnTokens
from generation.writing import Writer

if TYPE_CHECKING:
    from generation.engines.vllm_engine import VllmEngine

TEXTS = Path(__file__).parents[1] / "demo" / "texts"
DATASETS = ("fiction", "speeches", "wikipedia")
GREEDY = Decoding("greedy")


@dataclass(frozen=True)
class Run:
    """What is measured: the checkpoint, and how much of it writes."""

    checkpoint: Path
    contexts: int
    new_tokens: int
    rounds: int
    gpu: bool

    @property
    def settings(self) -> EngineSettings:
        """Float32 everywhere, so that engines can be held against each other."""
        return EngineSettings(dtype="float32", longest=512)


@dataclass
class Timed:
    """The fastest of some rounds, in wall and CPU seconds, and what it gave."""

    wall: float = float("inf")
    cpu: float = float("inf")
    result: Any = None

    def add(self, work: Callable[[], Any]) -> None:
        """One more round."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.result = work()
        self.wall, self.cpu = (
            min(self.wall, time.perf_counter() - wall),
            min(self.cpu, time.process_time() - cpu),
        )

    def summary(self, tokens: int) -> dict[str, float]:
        """Tokens per second of both clocks."""
        return {"tokens_per_s": round(tokens / self.wall, 1), "tokens_per_cpu_s": round(tokens / self.cpu, 1)}


def ratios(ours: Timed, other: Timed) -> dict[str, float]:
    """How fast ours is, 1 being as fast as the other."""
    return {"ratio": round(other.wall / ours.wall, 3), "cpu_ratio": round(other.cpu / ours.cpu, 3)}


def make_passages(own_tokens: OwnTokens, count: int) -> list[Passage]:
    """The first contexts of the demo's texts, an equal share of each dataset."""
    reference = ReferenceTokenizer(own_tokens.tokenizer_json)
    files = [TEXTS / f"{name}.jsonl" for name in DATASETS]
    lines = [file.read_text(encoding="utf-8").splitlines() for file in files]
    texts = [json.loads(lines[number % len(files)][number // len(files)])["text"] for number in range(count)]
    cuts = [reference.cut(text) for text in texts]
    return [Passage(context=cut.context, content_hash=f"{number:064x}") for number, cut in enumerate(cuts)]


class ServiceWriter(Writer):
    """A writer whose continuations are as long as the benchmark says."""

    def write_tokens(self, passages: list[Passage], new_tokens: int) -> list[Any]:
        """As `write`, for a number of tokens."""
        prompts = self.prompts(passages)
        generated = self.engine.generate(
            prompts, self.decoding, new_tokens=new_tokens, citation_index=self.citation_index
        )
        return [self._written(*three) for three in zip(passages, prompts, generated, strict=True)]

    def prompts(self, passages: list[Passage]) -> list[Prompt]:
        """What the engine reads."""
        tokens = self.own_tokens
        return [
            Prompt(tuple(tokens.prompt(one.context)), passage_seed(self.seed, one.content_hash)) for one in passages
        ]


def make_writer(engine: Engine, own_tokens: OwnTokens) -> ServiceWriter:
    """A greedy system on an engine."""
    return ServiceWriter(engine, own_tokens, ReferenceTokenizer(own_tokens.tokenizer_json), GREEDY, 0)


def measure_engines(run: Run, folder: Path) -> dict[str, Any]:
    """Service, bare vLLM and transformers on the same prompts; the blocker on and off; do the tokens agree?"""
    from generation.engines.transformers_engine import TransformersEngine
    from generation.engines.vllm_engine import VllmEngine

    own_tokens = OwnTokens(run.checkpoint)
    passages, tokens = make_passages(own_tokens, run.contexts), run.contexts * run.new_tokens
    with closing(VllmEngine(run.checkpoint, settings=run.settings)) as engine:
        service, bare = _beside_bare(engine, run, own_tokens, passages)
        free = [tuple(written.token_ids) for written in service.result]
        # What the model writes freely is what it may not repeat: every step of it is a citation.
        tokenizer = Tokenizer.from_file(str(run.checkpoint / "tokenizer.json"))
        CitationIndex.build(TrainingSet.from_samples(free), WordBoundaries(tokenizer)).save(folder / "index")
        off, on = _with_blocker(engine, run, make_writer(engine, own_tokens).prompts(passages), folder / "index")
    reference = TransformersEngine(run.checkpoint, settings=run.settings, device="cuda" if run.gpu else "cpu")
    prompts = make_writer(reference, own_tokens).prompts(passages)
    theirs, blocked = Timed(), Timed()
    theirs.add(lambda: reference.generate(prompts, GREEDY, new_tokens=run.new_tokens))
    blocked.add(lambda: reference.generate(prompts, GREEDY, new_tokens=run.new_tokens, citation_index=folder / "index"))
    return {
        "contexts": run.contexts,
        "new_tokens": run.new_tokens,
        "service": service.summary(tokens),
        "bare_vllm": bare.summary(tokens) | {"service": ratios(service, bare)},
        "blocker_off": off.summary(tokens),
        "blocker_on": on.summary(tokens) | ratios(on, off),
        "transformers": theirs.summary(tokens) | {"service": ratios(service, theirs)},
        "effective_blocks": sum(one.citations.effective_blocks for one in on.result),
        "parity_free": parity(reference, prompts, off.result, theirs.result),
        "parity_blocked": parity(reference, prompts, on.result, blocked.result),
    }


def _beside_bare(engine: "VllmEngine", run: Run, own_tokens: OwnTokens, passages: list[Passage]) -> tuple[Timed, Timed]:
    from vllm import SamplingParams

    writer = make_writer(engine, own_tokens)
    requests = [{"prompt_token_ids": list(prompt.token_ids)} for prompt in writer.prompts(passages)]
    parameters = SamplingParams(temperature=0.0, min_tokens=run.new_tokens, max_tokens=run.new_tokens)
    parameters.detokenize = False
    writer.write_tokens(passages[:2], 8)  # what is compiled or allocated once
    service, bare = Timed(), Timed()
    for _ in range(run.rounds):
        bare.add(lambda: engine.llm.generate(requests, parameters, use_tqdm=False))
        service.add(lambda: writer.write_tokens(passages, run.new_tokens))
    return service, bare


def _with_blocker(engine: "VllmEngine", run: Run, prompts: list[Prompt], index: Path) -> tuple[Timed, Timed]:
    engine.generate(prompts[:2], GREEDY, new_tokens=8, citation_index=index)
    off, on = Timed(), Timed()
    for _ in range(run.rounds):
        off.add(lambda: engine.generate(prompts, GREEDY, new_tokens=run.new_tokens))
        on.add(lambda: engine.generate(prompts, GREEDY, new_tokens=run.new_tokens, citation_index=index))
    return off, on


def parity(reference: Any, prompts: list[Prompt], ours: list[Generated], theirs: list[Generated]) -> dict[str, Any]:
    """How many continuations are the same, and where others part, how far apart the two tokens' scores are."""
    pairs = list(zip(prompts, ours, theirs, strict=True))
    apart = [one for one in pairs if one[1].token_ids != one[2].token_ids]
    gaps = [_gap(reference, *one) for one in apart]
    return {
        "same": len(pairs) - len(apart),
        "of": len(pairs),
        "gaps_where_they_part": [float(f"{g:.2g}") for g in gaps],
    }


def _gap(reference: Any, prompt: Prompt, one: Generated, other: Generated) -> float:
    import torch

    at = int(np.flatnonzero(np.array(one.token_ids) != np.array(other.token_ids))[0])
    with torch.inference_mode():
        ids = torch.tensor([[*prompt.token_ids, *one.token_ids[:at]]], device=reference.device)
        scores = reference.model(ids).logits[0, -1]
    return abs(float(scores[one.token_ids[at]] - scores[other.token_ids[at]]))


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON (there is no other form)")
    parser.add_argument("--gpu", action="store_true", help="on the GPU that is here")
    parser.add_argument("--only", choices=["engines", "blocker"])
    parser.add_argument("--checkpoint", type=Path, help="a folder; SmolLM2-135M by default")
    parser.add_argument("--contexts", type=int, default=36)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    checkpoint = chosen.checkpoint or smollm2.prepare(Settings().cache_dir)
    run = Run(checkpoint, chosen.contexts, chosen.new_tokens, chosen.rounds, chosen.gpu)
    if run.gpu:
        import torch

        if not torch.cuda.is_available():
            raise ToprankError("There is no GPU here; leave --gpu out.")
    found: dict[str, Any] = {"checkpoint": checkpoint.name, "device": "gpu" if run.gpu else "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        if chosen.only != "blocker":
            found["engines"] = measure_engines(run, Path(folder))
        if chosen.only != "engines":
            found["blocker"] = measure_blocker(checkpoint, Path(folder), gpu=run.gpu)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
