"""The vLLM engine on a real vLLM: the same tokens as transformers, blocked and unblocked, and every ban is right."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from generation.citation.boundaries import WordBoundaries
from generation.citation.index import CitationIndex
from generation.citation.storage import CitationIndexError
from generation.citation.training_set import TrainingSet
from generation.engines import vllm_engine
from generation.engines.base import (
    CheckpointError,
    Decoding,
    EngineError,
    EngineSettings,
    Generated,
    OutOfMemoryError,
    Prompt,
)
from generation.engines.transformers_engine import TransformersEngine
from generation.engines.vllm_engine import VllmEngine
from generation.engines.vllm_loading import check_version, end_of_sequence_ids
from generation.own_tokens import OwnTokens
from tests.generation.citation.brute_force import banned_after
from tests.generation.citation.test_index import index_of

# vLLM and what it imports warn of their own deprecations.
pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("default")]
GREEDY = Decoding("greedy")
NEW_TOKENS = 96
# Two engines sum in different orders; where the two best tokens are this close, either may come.
SMALLEST_GAP = 1e-3


@pytest.fixture(scope="module")
def prompts(wide_checkpoint: Path, contexts: list[str]) -> list[Prompt]:
    own_tokens = OwnTokens(wide_checkpoint)
    return [Prompt(tuple(own_tokens.prompt(text)), number) for number, text in enumerate(contexts)]


@pytest.fixture(scope="module")
def recited(wide_checkpoint: Path, prompts: list[Prompt]) -> list[tuple[int, ...]]:
    """What the model writes freely: as a training set, it makes every step of it a citation."""
    found = TransformersEngine(wide_checkpoint, device="cpu").generate(prompts, GREEDY, new_tokens=NEW_TOKENS)
    return [one.token_ids for one in found]


@pytest.fixture(scope="module")
def index(wide_checkpoint: Path, recited: list[tuple[int, ...]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blocking") / "index"
    tokenizer = Tokenizer.from_file(str(wide_checkpoint / "tokenizer.json"))
    CitationIndex.build(TrainingSet.from_samples(recited), WordBoundaries(tokenizer)).save(folder)
    return folder


@pytest.fixture(scope="module")
def engine(wide_checkpoint: Path) -> Iterator[VllmEngine]:
    engine = VllmEngine(wide_checkpoint)
    yield engine
    engine.close()


@pytest.mark.parametrize("block", [False, True])
def test_the_tokens_are_those_of_transformers(
    engine: VllmEngine,
    wide_checkpoint: Path,
    index: Path,
    prompts: list[Prompt],
    block: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reference = TransformersEngine(wide_checkpoint, device="cpu")
    chosen = index if block else None
    ours = engine.generate(prompts, GREEDY, new_tokens=NEW_TOKENS, citation_index=chosen)
    theirs = reference.generate(prompts, GREEDY, new_tokens=NEW_TOKENS, citation_index=chosen)

    assert len(ours) >= 32
    equal = [one.token_ids == other.token_ids for one, other in zip(ours, theirs, strict=True)]
    with capsys.disabled():
        print(f"\n{sum(equal)} of {len(equal)} the same, citations {'blocked' if block else 'free'}")  # noqa: T201
    for number in np.flatnonzero(~np.array(equal)):
        gap = gap_where_they_part(wide_checkpoint, prompts[number], ours[number], theirs[number])
        assert gap < SMALLEST_GAP, f"context {number}"
    same = [pair for pair, is_equal in zip(zip(ours, theirs, strict=True), equal, strict=True) if is_equal]
    assert all(one.eos_position == other.eos_position for one, other in same)
    assert all(one.citations == other.citations for one, other in same)


def gap_where_they_part(checkpoint: Path, prompt: Prompt, one: Generated, other: Generated) -> float:
    """How far the scores of the two different tokens are apart, in the model's own words."""
    at = next(step for step, pair in enumerate(zip(one.token_ids, other.token_ids, strict=True)) if len(set(pair)) > 1)
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    with torch.inference_mode():
        scores = model(torch.tensor([[*prompt.token_ids, *one.token_ids[:at]]])).logits[0, -1]
    return abs(float(scores[one.token_ids[at]] - scores[other.token_ids[at]]))


def test_every_step_is_checked_by_a_reader_of_the_training_set(
    engine: VllmEngine, wide_checkpoint: Path, index: Path, recited: list[tuple[int, ...]], prompts: list[Prompt]
) -> None:
    tokenizer = Tokenizer.from_file(str(wide_checkpoint / "tokenizer.json"))
    free = engine.generate(prompts, GREEDY, new_tokens=NEW_TOKENS)
    blocked = engine.generate(prompts, GREEDY, new_tokens=NEW_TOKENS, citation_index=index)

    assert violations(tokenizer, recited, free) > 0, "unblocked, the model recites"
    assert violations(tokenizer, recited, blocked) == 0
    assert all(one.citations is None for one in free)
    assert sum(one.citations.effective_blocks for one in blocked if one.citations) > 0


def violations(tokenizer: Tokenizer, samples: Sequence[Sequence[int]], found: Sequence[Generated]) -> int:
    """Steps that took a token which the slow reader bans there."""
    count = 0
    for one in found:
        for step in range(5, NEW_TOKENS):
            recent = one.token_ids[step - 5 : step]
            count += one.token_ids[step] in banned_after(tokenizer, samples, recent)
    return count


def test_two_indexes_and_none_share_a_batch(
    engine: VllmEngine,
    wide_checkpoint: Path,
    recited: list[tuple[int, ...]],
    prompts: list[Prompt],
    tmp_path: Path,
) -> None:
    """An index of what the first half of the prompts leads to, one of the second half, and none: for every prompt."""
    tokenizer = Tokenizer.from_file(str(wide_checkpoint / "tokenizer.json"))
    halves = [recited[:18], recited[18:]]
    folders = [tmp_path / "first", tmp_path / "second"]
    for samples, folder in zip(halves, folders, strict=True):
        CitationIndex.build(TrainingSet.from_samples(samples), WordBoundaries(tokenizer)).save(folder)
    chosen = [None, *folders]
    alone = [engine.generate(prompts, GREEDY, new_tokens=NEW_TOKENS, citation_index=one) for one in chosen]

    mixed = [(prompt, one) for prompt in prompts for one in chosen]
    found = engine.llm.generate(
        [{"prompt_token_ids": list(prompt.token_ids)} for prompt, _ in mixed],
        [engine._parameters(prompt, GREEDY, new_tokens=NEW_TOKENS, citation_index=one) for prompt, one in mixed],
        use_tqdm=False,
    )

    together = [tuple(output.outputs[0].token_ids) for output in found]
    for number, _ in enumerate(chosen):
        assert together[number::3] == [one.token_ids for one in alone[number]]
    for samples, by_their_index, by_the_other in ((halves[0], *alone[1:]), (halves[1], alone[2], alone[1])):
        assert violations(tokenizer, samples, by_their_index) == 0
        assert violations(tokenizer, samples, by_the_other) > 0
        assert violations(tokenizer, samples, alone[0]) > 0


def test_an_index_of_another_vocabulary_stops_before_vllm_does(
    engine: VllmEngine, prompts: list[Prompt], tmp_path: Path
) -> None:
    index_of([[1, 2, 3, 4, 5, 10**6]]).save(tmp_path / "index")
    with pytest.raises(CitationIndexError, match="bans token 1000000, but the model has"):
        engine.generate(prompts[:1], GREEDY, new_tokens=8, citation_index=tmp_path / "index")
    assert len(engine.generate(prompts[:1], GREEDY, new_tokens=8)) == 1


def test_a_passages_draws_depend_on_it_alone(engine: VllmEngine, prompts: list[Prompt]) -> None:
    nucleus = Decoding("nucleus", temperature=1.5)
    together = engine.generate(prompts[:6], nucleus, new_tokens=24)
    alone = [engine.generate([prompt], nucleus, new_tokens=24)[0] for prompt in prompts[:6]]
    assert together == alone
    assert len({one.token_ids for one in together}) == 6


def test_the_length_is_exact_and_no_end_comes_inside(engine: VllmEngine, prompts: list[Prompt]) -> None:
    for one in engine.generate(prompts, Decoding("nucleus", temperature=2.0, top_p=1.0, top_k=0), new_tokens=32):
        assert len(one.token_ids) == 32
        assert not set(one.token_ids) & set(engine.eos_ids)


def test_what_vllm_cannot_do_is_one_clear_line(
    engine: VllmEngine, prompts: list[Prompt], wide_checkpoint: Path
) -> None:
    with pytest.raises(EngineError, match="temperatures up to 2, not 3; use transformers"):
        engine.generate(prompts[:1], Decoding("nucleus", temperature=3.0), new_tokens=8)
    with pytest.raises(EngineError, match="the engine takes 512"):
        engine.generate(prompts[:1], GREEDY, new_tokens=1000)


def test_an_engine_that_broke_off_begins_anew_and_takes_fewer_texts(
    engine: VllmEngine, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.generate(prompts[:4], GREEDY, new_tokens=16)
    step, steps = engine.llm.llm_engine.step, iter(range(100))

    def step_until_memory_is_full() -> object:
        if next(steps) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return step()

    monkeypatch.setattr(engine.llm.llm_engine, "step", step_until_memory_is_full)

    with pytest.raises(OutOfMemoryError, match="Not even one text at a time fits the memory"):
        engine.generate(prompts[:8], GREEDY, new_tokens=16)

    # nothing is left of the eight
    assert engine.generate(prompts[:4], GREEDY, new_tokens=16) == before


def test_an_engine_whose_own_process_ended_is_started_again(
    engine: VllmEngine, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm.v1.engine.exceptions import EngineDeadError  # whose import warns

    def end(*_requests: object, **_options: object) -> None:
        raise EngineDeadError

    begun: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(engine.llm, "generate", end)
        patched.setattr(engine, "close", lambda: begun.append("closed"))
        patched.setattr(engine, "_start", lambda llm=engine.llm: begun.append("started") or llm)
        with pytest.raises(OutOfMemoryError, match="vLLM stopped with the checkpoint tiny, even with one text at a"):
            engine.generate(prompts[:1], GREEDY, new_tokens=8)

    assert begun == ["closed", "started"]
    assert len(engine.generate(prompts[:1], GREEDY, new_tokens=8)) == 1


def test_a_start_that_fails_in_vllms_own_process_points_to_the_log(
    wide_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("Engine core initialization failed. See root cause above. Failed core proc(s): {}")

    monkeypatch.setattr(vllm_engine, "start", fail)

    with pytest.raises(CheckpointError, match=r"initialization failed\. The worker's log says why"):
        VllmEngine(wide_checkpoint)


def test_a_folder_that_lacks_weights_is_refused(wide_checkpoint: Path, tmp_path: Path) -> None:
    for file in wide_checkpoint.iterdir():
        (tmp_path / file.name).symlink_to(file)
    weights = load_file(wide_checkpoint / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    save_file({name: weights[name] for name in weights if ".layers.1." not in name}, tmp_path / "model.safetensors")

    with pytest.raises(CheckpointError, match=r"cannot be loaded by vLLM: .*layers\.1\."):
        VllmEngine(tmp_path)


def test_a_folder_that_is_no_checkpoint_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config.json of the checkpoint .* cannot be read"):
        end_of_sequence_ids(tmp_path)


def test_a_version_that_was_never_tested_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_version()
    for version in ("0.32.0", "0.33.1"):
        monkeypatch.setattr("importlib.metadata.version", lambda _name, version=version: version)
        check_version()
    for version in ("0.17.1", "0.34.0"):
        monkeypatch.setattr("importlib.metadata.version", lambda _name, version=version: version)
        with pytest.raises(EngineError, match=r"needs at least 0.32 and below 0.34"):
            check_version()


def test_the_defaults_suit_one_device() -> None:
    assert (EngineSettings().tensor_parallel, EngineSettings().pipeline_parallel) == (1, 1)
