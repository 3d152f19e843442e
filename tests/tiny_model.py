"""A language model made in a blink: a byte-level tokenizer trained on a few sentences, and a random tiny Llama."""

from functools import cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SENTENCES = [
    "The old house stood at the end of the lane, and nobody had lived in it for years.",
    "She opened the letter slowly, read it twice, and put it back into the drawer.",
    "In the morning the river was high, and the men who worked on the boats stayed at home.",
    "He asked her whether the train had left, but she did not know; no one ever told her anything.",
    "Children ran along the beach while their parents talked about the weather and the price of bread.",
    "When the rain stopped, the streets were empty and the lamps shone on the wet stones.",
]
END = "<|end|>"
VOCABULARY = 400


@cache
def tiny_tokenizer_json() -> bytes:
    """A tokenizer.json of 400 tokens that reads and writes any text, its end of sequence being id 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer.to_str().encode()


def sample_text(number: int = 0, *, sentences: int = 40) -> str:
    """A text of more than 256 tokens; each number gives another one."""
    chosen = (SENTENCES[(number + step * (1 + number % 5)) % len(SENTENCES)] for step in range(sentences))
    return f"Chapter {number}. " + " ".join(chosen)


def save_tiny_model(folder: Path, *, seed: int = 0, head_size: int = 16, varied: bool = False) -> Path:
    """A checkpoint folder as a hub gives it: config, safetensors, tokenizer. The seed decides what it babbles.

    Untold, it repeats its last token for ever; a `varied` one goes through many. vLLM's attention on a CPU wants heads
    of 32 and more."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=2 * head_size,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=512,
            bos_token_id=None,
            eos_token_id=0,
            tie_word_embeddings=not varied,
            initializer_range=0.5 if varied else 0.02,
        )
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = Tokenizer.from_str(tiny_tokenizer_json().decode())
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(tiny_tokenizer_json())
    return folder
