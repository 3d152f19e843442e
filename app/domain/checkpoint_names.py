"""Which files a checkpoint may consist of, by name: an allow list, since lists of what is forbidden have holes."""

import re

MIB, GIB, TIB = 2**20, 2**30, 2**40
INDEX = "model.safetensors.index.json"
WEIGHTS = "model.safetensors"
LINEAGE = "toprank.json"
CURVE = "curve.jsonl"
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
# The largest size of each file but the weights. Tokenizers with a quarter of a million tokens need some 35 MB.
ALLOWED = {
    "config.json": MIB,
    "generation_config.json": MIB,
    "tokenizer.json": 64 * MIB,
    "tokenizer_config.json": 16 * MIB,
    "special_tokens_map.json": MIB,
    "added_tokens.json": 4 * MIB,
    "vocab.json": 16 * MIB,
    "merges.txt": 16 * MIB,
    "vocab.txt": 16 * MIB,
    "tokenizer.model": 16 * MIB,
    "chat_template.jinja": MIB,  # rendered by workers alone, in a sandbox
    "chat_template.json": MIB,
    "preprocessor_config.json": MIB,
    INDEX: 16 * MIB,
    LINEAGE: 4 * MIB,
    CURVE: 64 * MIB,
    "README.md": MIB,
    "LICENSE": MIB,
    "LICENSE.md": MIB,
    "LICENSE.txt": MIB,
    "NOTICE": MIB,
    "USE_POLICY.md": MIB,
}
# What a checkpoint that was hyperfitted brings along, in the one folder that it may have.
CITATION_INDEX = "citation_index"
ALLOWED |= {f"{CITATION_INDEX}/citation_index.json": MIB} | {
    f"{CITATION_INDEX}/{array}.npy": 64 * GIB for array in ("keys", "directory", "offsets", "banned", "tokens")
}
REQUIRED = ("config.json", "tokenizer.json")
LARGEST_WEIGHTS = TIB
MOST_FILES = 1000
LONGEST_NAME = 200
KINDS = {
    "is pickled or of another format than safetensors, and opening it could run code": (
        *("bin", "pt", "pth", "pkl", "pickle", "ckpt", "h5", "hdf5", "keras", "pb", "onnx", "msgpack", "joblib"),
        *("npy", "npz", "gguf", "ggml", "tflite", "mlmodel", "ot", "llamafile"),
    ),
    "is a program": ("py", "pyc", "so", "dll", "dylib", "exe", "sh", "js", "whl", "egg", "pyd", "bat", "ps1"),
    "is an archive": ("zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "zst"),
}


def name_fault(name: str) -> str | None:
    """Why a file of this name is no part of a checkpoint; None when it may be."""
    if name in ALLOWED or name == WEIGHTS or SHARD.fullmatch(name):
        return None
    if not name or len(name) > LONGEST_NAME:
        return f"has a name of {len(name)} characters; 1 to {LONGEST_NAME} are possible"
    if not name.isascii() or not name.isprintable():
        return "has a name with other than plain printable characters"
    if "/" in name or "\\" in name or name in (".", ".."):
        return "has a path for a name; a checkpoint's files lie in one folder, and its citation index in citation_index"
    ending = name.rpartition(".")[2].lower()
    for fault, endings in KINDS.items():
        if ending in endings:
            return fault
    if name.lower() in {allowed.lower() for allowed in (*ALLOWED, WEIGHTS)}:
        return "differs from a checkpoint's file in upper and lower case alone"
    return "is no file that a checkpoint needs"


def size_fault(name: str, size: int) -> str | None:
    """Why a file of an allowed name cannot have this size; None when it can."""
    largest = ALLOWED.get(name, LARGEST_WEIGHTS)
    if size < 1:
        return "is empty"
    return f"has {size:,} bytes; at most {largest:,} are read" if size > largest else None


def listing_faults(sizes: dict[str, int]) -> list[str]:
    """Everything that is wrong with a checkpoint that consists of these files, one sentence each."""
    if len(sizes) > MOST_FILES:
        return [f"There are {len(sizes):,} files; a checkpoint has at most {MOST_FILES:,}."]
    faults = []
    for name, size in sizes.items():
        if fault := name_fault(name) or size_fault(name, size):
            faults.append(f"{name[:80]!a} {fault}.")
    faults.extend(f"It lacks {name}." for name in REQUIRED if name not in sizes)
    shards = [name for name in sizes if SHARD.fullmatch(name)]
    if WEIGHTS in sizes and (shards or INDEX in sizes):
        faults.append(f"It has {WEIGHTS} and shards as well; only one of the two can be meant.")
    elif not shards and WEIGHTS not in sizes:
        faults.append(f"It lacks weights: {WEIGHTS}, or shards with {INDEX}.")
    elif shards and INDEX not in sizes:
        faults.append(f"It has shards and lacks {INDEX}.")
    index_files = {name for name in ALLOWED if name.startswith(f"{CITATION_INDEX}/")}
    if index_files & sizes.keys() and index_files - sizes.keys():
        faults.append(f"Its {CITATION_INDEX} lacks {min(index_files - sizes.keys())}.")
    return faults
