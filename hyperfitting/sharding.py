"""Training beyond one GPU: weights, gradients and moments in parts, one for each process (torch `fully_shard`).

    torchrun --nproc-per-node 8 -m cli.main hyperfit BASE --data FILE --out DIR

Each process reads the base, keeps its part and computes its rows of each batch; a layer's weights come together only
while that layer computes.
"""

import os

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from hyperfitting.config import ConfigError, HyperfitConfig, Precision
from hyperfitting.training import Share


def join() -> Share:
    """This process's share, as torchrun's environment says; alone without it."""
    of = int(os.environ.get("WORLD_SIZE", "1"))
    if of == 1:
        return Share()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Share(distributed.get_rank(), of)


def leave(share: Share) -> None:
    """The end of what `join` began."""
    if share.of > 1:
        distributed.destroy_process_group()


def check_batch(config: HyperfitConfig, share: Share) -> None:
    """Raise ConfigError where the processes would not have equally many rows of each batch."""
    part = config.batch_size // config.accumulation
    if part % share.of:
        raise ConfigError(
            f"{share.of} processes cannot share {part} sequences equally: choose a --batch-size (divided by "
            f"--accumulation) that is a multiple of {share.of}."
        )
    if config.samples % config.batch_size and share.of > 1:
        raise ConfigError(
            f"With several processes every batch is full: choose --samples that are a multiple of {config.batch_size}."
        )


def shard(model: nn.Module, precision: Precision, share: Share) -> nn.Module:
    """Split every parameter over the processes, layer by layer."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    mesh = init_device_mesh(device, (share.of,))
    # Gradients are summed in float32 whatever the layers compute in.
    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
    if precision is Precision.BF16:
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for layer in _layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    # The rest (embeddings, norms) is split again after each forward pass too: a validation, which has no backward pass,
    # would leave it whole, and a state that is saved then would not be of the parts that Adam knows.
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    return model


def _layers(model: nn.Module) -> list[nn.Module]:
    """The repeated blocks of a transformer: the longest list of modules that it has."""
    lists = [list(module) for module in model.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])
