"""No bad folder gets past, and sound ones do."""

import json
import os
import resource
import shutil
from pathlib import Path

import pytest

from app.domain.checkpoint_names import listing_faults
from app.domain.checkpoint_vetting import CheckpointRefusedError, read_json, vet_folder, vet_listing
from tests.bad_folders import ALL, INDEX, LISTED, BadFolder, safetensors, shards, tensor


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A sound checkpoint of the test's own, with nothing beside it."""
    return shutil.copytree(tiny_checkpoint, tmp_path / "room" / "checkpoint")


def test_a_sound_folder_passes_and_its_parameters_are_counted(folder: Path) -> None:
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(folder)
    assert vet_folder(folder) == sum(parameter.numel() for parameter in model.parameters())


def test_sound_shards_pass(folder: Path) -> None:
    names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    shards({"a": names[0], "b": names[1]}, present=names[:1])(folder)
    (folder / names[1]).write_bytes(safetensors(f'{{"b":{tensor()}}}'.encode(), bytes(8)))
    assert vet_folder(folder) == 4


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len({bad.name for bad in ALL}) == len(ALL) >= 40


@pytest.mark.parametrize("bad", ALL, ids=lambda bad: bad.name)
def test_a_bad_folder_is_refused_with_its_reason(folder: Path, bad: BadFolder) -> None:
    bad.spoil(folder)
    around = sorted(folder.parent.iterdir())
    with pytest.raises(CheckpointRefusedError, match=bad.reason):
        vet_folder(folder)
    assert sorted(folder.parent.iterdir()) == around


@pytest.mark.parametrize("bad", LISTED, ids=lambda bad: bad.name)
def test_a_listing_is_refused_before_any_byte_comes(folder: Path, bad: BadFolder) -> None:
    bad.spoil(folder)
    with pytest.raises(CheckpointRefusedError, match=bad.reason):
        vet_listing({file.name: file.stat().st_size for file in folder.iterdir()})


@pytest.mark.parametrize(
    "name",
    [
        "../config.json",
        "/etc/passwd",
        "a/b.json",
        "..",
        ".",
        "",
        "config.json\0",
        "config.json\0.py",
        "C:\\x.json",
        "é",
    ],
)
def test_a_name_that_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(CheckpointRefusedError):
        vet_listing({"config.json": 1, "tokenizer.json": 1, "model.safetensors": 9, name: 1})


def test_a_listing_of_100_000_files_is_one_short_line() -> None:
    assert listing_faults({f"{number}.json": 2 for number in range(100_000)}) == [
        "There are 100,000 files; a checkpoint has at most 1,000."
    ]


def test_a_refusal_of_many_faults_shows_the_first(folder: Path) -> None:
    for number in range(20):
        (folder / f"{number}.py").write_text("x")
    with pytest.raises(CheckpointRefusedError, match="And 15 more faults") as refused:
        vet_folder(folder)
    assert len(str(refused.value)) < 500


def test_a_word_of_a_vocabulary_may_be_any_word(folder: Path) -> None:
    (folder / "vocab.json").write_text(json.dumps({"auto_map": 7, "trust_remote_code": 8}))
    assert vet_folder(folder) > 0


def test_a_file_that_becomes_a_link_meanwhile_is_not_followed(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(folder / "tokenizer.json")
    with pytest.raises(Exception, match="cannot be opened"):
        read_json(folder / "config.json")
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(Exception, match="no plain file"):
        read_json(folder / "config.json")


def test_weights_of_any_size_take_no_memory(folder: Path) -> None:
    size = 40 * 2**30
    header = f'{{"a":{tensor(shape=f"[{size // 4}]", offsets=f"[0,{size}]")}}}'.encode()
    with (folder / "model.safetensors").open("wb") as stream:
        stream.write(safetensors(header))
        stream.truncate(8 + len(header) + size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert vet_folder(folder) == size // 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_an_index_beside_whole_weights_is_refused(folder: Path) -> None:
    (folder / INDEX).write_text("{}")
    with pytest.raises(CheckpointRefusedError, match="only one of the two"):
        vet_folder(folder)
