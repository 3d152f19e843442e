"""Folders that nobody should ever load, each made by changing one thing of a sound one, with words of its refusal."""

import io
import json
import os
import pickle
import socket
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

INDEX = "model.safetensors.index.json"
Spoil = Callable[[Path], object]


@dataclass(frozen=True)
class BadFolder:
    """`spoil` makes a sound folder bad; `by_listing` says that names and sizes alone give it away."""

    name: str
    spoil: Spoil
    reason: str
    by_listing: bool = False


def safetensors(header: bytes, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A file with this header, and perhaps another length than it has."""
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def tensor(dtype: str = "F32", shape: str = "[2]", offsets: str = "[0,8]") -> str:
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}'


def weights(text: str | bytes, data: bytes = bytes(8), *, length: int | None = None) -> Spoil:
    """Another model.safetensors."""
    header = text.encode() if isinstance(text, str) else text
    return lambda folder: (folder / "model.safetensors").write_bytes(safetensors(header, data, length=length))


def added(name: str, content: bytes = b"{}") -> Spoil:
    """One file more."""
    return lambda folder: (folder / name).write_bytes(content)


def config(**changes: object) -> Spoil:
    """Another config.json."""

    def spoil(folder: Path) -> None:
        found = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(found | changes))

    return spoil


def saved_array(values: object, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=allow_pickle)
    return stream.getvalue()


def indexed(banned: bytes | None) -> Spoil:
    """A citation index whose array of banned tokens is this, or lacks."""

    def spoil(folder: Path) -> None:
        index = folder / "citation_index"
        index.mkdir()
        (index / "citation_index.json").write_bytes(b"{}")
        for name in ("keys", "directory", "offsets", "tokens"):
            (index / f"{name}.npy").write_bytes(saved_array(np.arange(3)))
        if banned is not None:
            (index / "banned.npy").write_bytes(banned)

    return spoil


def replaced(name: str, content: bytes) -> Spoil:
    return lambda folder: (folder / name).write_bytes(content)


def linked(name: str, target: str) -> Spoil:
    """A file that is a link to somewhere else."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return spoil


def shards(weight_map: Any, *, present: tuple[str, ...] = ("model-00001-of-00001.safetensors",)) -> Spoil:
    """An index, and shards of one tensor `a` each."""

    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
        for name in present:
            (folder / name).write_bytes(safetensors(f'{{"a":{tensor()}}}'.encode(), bytes(8)))

    return spoil


def many(folder: Path) -> None:
    for number in range(1100):
        (folder / f"{number}.json").write_bytes(b"{}")


def sparse(name: str, size: int) -> Spoil:
    """A file that says it is large and takes no room."""

    def spoil(folder: Path) -> None:
        with (folder / name).open("wb") as stream:
            stream.truncate(size)

    return spoil


def bound(folder: Path) -> None:
    here = Path.cwd()
    os.chdir(folder)  # the path of a socket may be 100 bytes long, and a test's folder is longer
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("NOTICE")
    os.chdir(here)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../escaped.txt", "out")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("/etc/escaped"))
    return buffer.getvalue()


PICKLE = pickle.dumps({"weights": [1.0]})
RTL = "model\u202esrotcesnetefas.json"
LISTED = [
    *(
        BadFolder(f"a .{ending} file", added(f"model.{ending}", PICKLE), "could run code", by_listing=True)
        for ending in ("bin", "pt", "pth", "pkl", "ckpt", "h5", "gguf", "npy")
    ),
    *(
        BadFolder(f"a .{ending} file", added(f"modeling.{ending}"), "is a program", by_listing=True)
        for ending in ("py", "so", "sh")
    ),
    BadFolder("a zip", added("model.zip", zipped()), "is an archive", by_listing=True),
    BadFolder("a tar", added("model.tar", tarred()), "is an archive", by_listing=True),
    BadFolder("a file nobody needs", added("notes.doc"), "no file that a checkpoint needs", by_listing=True),
    BadFolder("an adapter, which names another model", added("adapter_config.json"), "no file that", by_listing=True),
    BadFolder("a reserved name", added("CON"), "no file that", by_listing=True),
    BadFolder("a name of 250 characters", added("a" * 245 + ".json"), "name of 250 characters", by_listing=True),
    BadFolder("a name from right to left", added(RTL), "plain printable", by_listing=True),
    BadFolder("a name with a line break", added("config\n.json"), "plain printable", by_listing=True),
    BadFolder("a name in other Unicode", added("cоnfig.json"), "plain printable", by_listing=True),  # Cyrillic o
    BadFolder("a name in full-width letters", added("ｃonfig.json"), "plain printable", by_listing=True),
    BadFolder("a name in another case", added("Config.JSON"), "upper and lower case", by_listing=True),
    BadFolder("a Windows path", added("..\\config.json"), "a path for a name", by_listing=True),
    BadFolder("too many files", many, "files; a checkpoint has at most 1,000", by_listing=True),
    BadFolder("a config of 1 GB", sparse("config.json", 2**30), "at most 1,048,576", by_listing=True),
    BadFolder("weights beyond any disk", sparse("model.safetensors", 2**41), "at most", by_listing=True),
    BadFolder("an empty file", replaced("config.json", b""), "is empty", by_listing=True),
    BadFolder("no config", lambda folder: (folder / "config.json").unlink(), "lacks config.json", by_listing=True),
    BadFolder("no tokenizer", lambda folder: (folder / "tokenizer.json").unlink(), "lacks tokeni", by_listing=True),
    BadFolder("no weights", lambda folder: (folder / "model.safetensors").unlink(), "lacks weights", by_listing=True),
    BadFolder(
        "shards beside whole weights",
        added("model-00001-of-00002.safetensors"),
        "only one of the two",
        by_listing=True,
    ),
    BadFolder(
        "shards without an index",
        lambda folder: (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors"),
        "has shards and lacks",
        by_listing=True,
    ),
]
HEADERS = [
    BadFolder("a pickle that says it is safetensors", replaced("model.safetensors", PICKLE), "safetensors:"),
    BadFolder("a zip that says it is safetensors", replaced("model.safetensors", zipped()), "safetensors:"),
    BadFolder("a file of 3 bytes", replaced("model.safetensors", b"abc"), "too short"),
    BadFolder("a header beyond 100 MB", weights("{}", length=10**8 + 1), "at most 8,388,608 are read"),
    BadFolder("a header beyond the file", weights("{}", length=1000), "the file ends before"),
    BadFolder("a header that is a list", weights("[]", b""), "does not start with"),
    BadFolder("a header that is not UTF-8", weights(b'{"\xff":1}'), "not UTF-8"),
    BadFolder("a header that goes on", weights(f'{{"a":{tensor()}}}x'), "no JSON of this format"),
    BadFolder("two headers", weights(f'{{"a":{tensor()}}}{{}}'), "cut off or has something"),
    BadFolder("a header that is cut off", weights(f'{{"a":{tensor()}'), "cut off"),
    BadFolder("a header nested deeply", weights('{"a":' + "[" * 10_000), "lacks its|cut off"),
    BadFolder("no tensor at all", weights("{}", b""), "holds no tensor"),
    BadFolder("a tensor twice", weights(f'{{"a":{tensor()},"a":{tensor()}}}'), "says 'a' twice"),
    BadFolder("a tensor twice, once escaped", weights(f'{{"a":{tensor()},"\\u0061":{tensor()}}}'), "says 'a' twice"),
    BadFolder(
        "a property twice",
        weights('{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
        "says 'dtype' twice",
    ),
    BadFolder("overlapping tensors", weights(f'{{"a":{tensor()},"b":{tensor(offsets="[4,12]")}}}'), "overlaps"),
    BadFolder("a hole", weights(f'{{"a":{tensor(offsets="[4,12]")}}}', bytes(12)), "leaves a hole"),
    BadFolder("offsets beyond the file", weights(f'{{"a":{tensor(offsets="[0,8]")}}}', bytes(4)), "the file has 4"),
    BadFolder("bytes that belong to no tensor", weights(f'{{"a":{tensor()}}}', bytes(9)), "the file has 9"),
    BadFolder("offsets the wrong way round", weights(f'{{"a":{tensor(offsets="[8,0]")}}}'), "not what its shape"),
    BadFolder("a negative offset", weights(f'{{"a":{tensor(offsets="[-8,0]")}}}'), "no JSON of this format"),
    BadFolder("one offset", weights(f'{{"a":{tensor(offsets="[8]")}}}'), "its two offsets"),
    BadFolder("three offsets", weights(f'{{"a":{tensor(offsets="[0,4,8]")}}}'), "more than 2 numbers"),
    BadFolder("a shape that does not fit", weights(f'{{"a":{tensor(shape="[3]")}}}'), "not what its shape"),
    BadFolder("a dtype that does not fit", weights(f'{{"a":{tensor("F16")}}}'), "not what its shape"),
    BadFolder("an unknown dtype", weights(f'{{"a":{tensor("OBJECT")}}}'), "unknown dtype"),
    BadFolder("half a byte", weights(f'{{"a":{tensor("F4", "[1]", "[0,0]")}}}', b""), "not what its shape"),
    BadFolder("a shape that overflows", weights(f'{{"a":{tensor(shape="[4294967296,4294967297]")}}}'), "no machine"),
    BadFolder(
        "a shape that overflows to nothing",
        weights(f'{{"a":{tensor(shape="[0,9999999999999999999]", offsets="[0,0]")}}}', b""),
        "no machine",
    ),
    BadFolder("33 dimensions", weights(f'{{"a":{tensor(shape=str([1] * 33))}}}'), "more than 32"),
    BadFolder("a shape of texts", weights(f'{{"a":{tensor(shape="[true]")}}}'), "no JSON of this format"),
    BadFolder("a fraction in a shape", weights(f'{{"a":{tensor(shape="[2.0]")}}}'), "no JSON of this format"),
    BadFolder("an unknown property", weights('{"a":{"dtype":"F32","code":"x"}}'), "unknown property"),
    BadFolder("metadata that is no text", weights('{"__metadata__":{"a":1}}'), "where a text belongs"),
    BadFolder("half a character", weights('{"\\ud800":{}}'), "half a character"),
    BadFolder("a comma too many", weights(f'{{"a":{tensor()},}}'), "comma too many"),
    BadFolder("an index to elsewhere", shards({"a": "../x.safetensors"}), "no file of weights"),
    BadFolder("an index to a pickle", shards({"a": "pytorch_model.bin"}), "no file of weights"),
    BadFolder("an absent shard", shards({"a": "model-00002-of-00002.safetensors"}), "which is absent"),
    BadFolder(
        "an index that names other tensors",
        shards({"b": "model-00001-of-00001.safetensors"}),
        "does not hold the tensors",
    ),
    BadFolder("an index of numbers", shards({"a": 1}), "no map from tensors"),
    BadFolder("an index without a map", shards(None), "no map from tensors"),
    BadFolder(
        "an index that is no JSON",
        lambda folder: (shards({})(folder), (folder / INDEX).write_bytes(b"{")),
        "index.json: it is no JSON",
    ),
]
TEXTS = [
    BadFolder("code by auto_map", config(auto_map={"AutoModel": "evil--model.Model"}), "asks for code by auto_map"),
    BadFolder("trust_remote_code", config(trust_remote_code=True), "by trust_remote_code"),
    BadFolder("code deep inside", config(text_config={"inner": [{"auto_map": {}}]}), "by auto_map"),
    BadFolder("a kernel from a hub", config(_attn_implementation="evil/kernel"), "attn_implementation"),
    BadFolder(
        "code by the tokenizer",
        added("tokenizer_config.json", b'{"auto\\u005fmap":{"AutoTokenizer":["a.B",null]}}'),
        "by auto_map",
    ),
    BadFolder("code in a vocabulary", added("vocab.json", b'{"auto_map":{"x":1}}'), "by auto_map"),
    BadFolder("a config nested 10,000 times", replaced("config.json", b"[" * 10_000 + b"]" * 10_000), "too deeply"),
    BadFolder(
        "a config nested 150 times", replaced("config.json", b'{"a":' * 150 + b"1" + b"}" * 150), "nested too deeply"
    ),
    BadFolder("a config that is a list", replaced("config.json", b"[]"), "holds no object"),
    BadFolder("a config that is no JSON", replaced("config.json", b"\x80\x04"), "no JSON"),
    BadFolder("a number of 5,000 digits", replaced("config.json", b'{"a":' + b"1" * 5000 + b"}"), "no JSON"),
    BadFolder("a key twice", replaced("config.json", b'{"a":1,"a":2}'), "says a key twice"),
]
NO_FILES = [
    BadFolder("a link to a secret", linked("config.json", "/etc/passwd"), "no plain file"),
    BadFolder("a link out of the folder", linked("README.md", "../outside"), "no plain file"),
    BadFolder("a link to a device", linked("NOTICE", "/dev/zero"), "no plain file"),
    BadFolder("a pipe", lambda folder: os.mkfifo(folder / "NOTICE"), "no plain file"),
    BadFolder("a socket", bound, "no plain file"),
    BadFolder("a folder inside", lambda folder: (folder / "LICENSE").mkdir(), "no plain file"),
]
ARRAYS = [
    BadFolder("a pickle in an array", indexed(saved_array(np.array([{"a": 1}]), allow_pickle=True)), "banned.npy: "),
    BadFolder("an array of fractions", indexed(saved_array(np.zeros(3))), "banned.npy: "),
    BadFolder("half a citation index", indexed(None), "citation_index lacks citation_index/banned.npy"),
]
ALL = [*LISTED, *HEADERS, *TEXTS, *NO_FILES, *ARRAYS]
