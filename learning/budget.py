"""What a machine has to give: the fastest number of threads, and how much may be computed at once within the memory.

Measured on the training's own rows. Knows nothing of what they are for.
"""

import time
from collections.abc import Callable

import torch
from peft import PeftModel

MB = 1024 * 1024
OVERHEAD = 700 * MB
"""Of Python, torch and its threads, beside the model."""
PEAK_SHARE = 2.5
"""The most memory during a backward pass, as a multiple of the activations that it begins with."""
MOST_THREADS = torch.get_num_threads()
"""Taken when this is loaded: later, a new thread begins with what any other thread has set last for itself."""
CLEARLY_FASTER = 0.9
"""Fewer threads must take less than this share of the time: a tie leaves the rounding as it was."""


def fastest_threads(most: int, work: Callable[[], object]) -> int:
    """Halve the number of threads as long as that makes the work faster. Leaves the fastest number set."""
    torch.set_num_threads(most)
    work()  # the first time, memory is fetched and kernels are chosen
    best, best_s = most, _seconds(work)
    while best > 1:
        torch.set_num_threads(best // 2)
        fewer_s = _seconds(work)
        if fewer_s >= CLEARLY_FASTER * best_s:
            break
        best, best_s = best // 2, fewer_s
    torch.set_num_threads(best)
    return best


def tokens_within(limit: int, model: PeftModel, forward: Callable[[], torch.Tensor], tokens: int) -> int:
    """How many tokens may be computed at once within `limit` bytes, when `forward` computes `tokens` of them."""
    left = limit - _needed(model)
    return max(0, int(left * tokens / (PEAK_SHARE * kept_bytes(model, forward))))


def kept_bytes(model: PeftModel, forward: Callable[[], torch.Tensor]) -> int:
    """Bytes of the activations that autograd keeps for the backward pass; the same on every machine."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        forward()
    return sum(kept.values())


def _needed(model: PeftModel) -> int:
    """The weights; the adapter's gradients and the two moments of AdamW; everything else that is there anyway."""
    weights = sum(parameter.nbytes for parameter in model.parameters())
    trained = sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
    return weights + 3 * trained + OVERHEAD


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def free_on_gpu() -> int:
    """Bytes, with a little left for others, beside what this process has taken already."""
    free, _ = torch.cuda.mem_get_info()
    return int(0.9 * free) + torch.cuda.memory_allocated()
