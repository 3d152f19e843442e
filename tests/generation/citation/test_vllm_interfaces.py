"""The interfaces that the adapters implement, as vLLM 0.32.0 and 0.33.0 both install them.

A vLLM whose files differ may still work. It has to be read, and the tests beside this one run, before it is supported.
"""

import hashlib
from pathlib import Path

import pytest
import vllm
from vllm import EngineArgs, SamplingParams

pytestmark = pytest.mark.vllm
VLLM = Path(vllm.__file__).parent
INTERFACES = {
    "v1/sample/logits_processor": "1526c3fd8cc0fe9c305033306e7c64608a6a1b72d8834eeb1eb1c9daaad4e9ef",
    "v1/worker/gpu/sample/logits_processor": "2ec554a4565c323ec4ad638ffe0f42ebd9e8cdd15879cab11bcd849f707154cd",
}
ARGUMENTS = {
    "model", "skip_tokenizer_init", "load_format", "trust_remote_code", "dtype", "max_model_len", "enforce_eager",
    "tensor_parallel_size", "pipeline_parallel_size", "distributed_executor_backend", "gpu_memory_utilization",
    "logprobs_mode", "logits_processors",
}  # fmt: skip
SAMPLING = {
    "temperature", "top_p", "top_k", "seed", "repetition_penalty", "min_tokens", "max_tokens", "stop_token_ids",
    "detokenize", "logprobs", "flat_logprobs", "extra_args",
}  # fmt: skip


@pytest.mark.parametrize("package", INTERFACES)
def test_the_interface_is_the_one_that_was_read(package: str) -> None:
    digest = hashlib.sha256()
    for file in sorted((VLLM / package).glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    assert digest.hexdigest() == INTERFACES[package]


def test_every_option_that_we_set_is_there() -> None:
    assert set(EngineArgs.__dataclass_fields__) >= ARGUMENTS
    assert set(SamplingParams.__struct_fields__) >= SAMPLING
