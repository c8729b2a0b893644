"""Several training processes that share every batch, as torchrun starts them. One alone is a group of one.

Each takes its rows of a batch; the gradients of the adapter, a few megabytes, are added up after each. Knows nothing
of losses.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch.nn import Parameter

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    rank: int = 0
    size: int = 1

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        """This process's part of a batch; may be empty."""
        return rows[self.rank :: self.size]

    def add_up(self, parameters: Iterable[Parameter], *values: float) -> list[float]:
        """Leave the sum of all processes' gradients in each process, and return the sums of the values."""
        if self.size == 1:
            return list(values)
        trained = list(parameters)
        for parameter in trained:
            if parameter.grad is None:  # no row of this batch was its own
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
        extra = torch.tensor(values, device=gradients[0].device)
        flat = torch.cat([extra, *(gradient.flatten() for gradient in gradients)])
        dist.all_reduce(flat)
        sums, rest = flat[: len(values)], flat[len(values) :]
        for gradient, summed in zip(gradients, rest.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))
        return sums.tolist()

    def agree(self, value: T) -> T:
        """What the first process says."""
        if self.size == 1:
            return value
        said = [value]
        dist.broadcast_object_list(said)
        return said[0]

    def leave(self) -> None:
        """Wait for the others, and part. The first one goes on alone."""
        if self.size > 1:
            dist.barrier()
            dist.destroy_process_group()


def join() -> Group:
    """The group that torchrun has started, over nccl on GPUs and over gloo elsewhere."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Group(dist.get_rank(), size)
