"""Which way of writing several texts at once a model allows: proved with its own logits, not looked up by its name."""

from collections.abc import Sequence
from math import inf, isfinite

import structlog
import torch

from learning.serving.adapted import Adapted
from learning.serving.recorded import CudaGraphs, Recorded
from learning.serving.row_cache import RowCache
from learning.serving.rows import Apart, Rows, Together

log = structlog.get_logger()

TOLERANCE = 1e-2
"""Of logits: what a pass over several rows may differ by from passes over one each, relative to their size.

Compared in fp32, where the bundled model's differ by 0.0001; by 0.05 and more when a text stands a position further, by
0.15 with another row's adapter. In bf16 they differ by 0.02 in one comparison, by more than their size in another: what
is random in the adapters makes much of a little.
"""


def rows_for(model: Adapted) -> Rows:
    """All rows in one pass, where that is proved to give the same."""
    difference = inf
    if RowCache.suits(model.model.config):
        together = Together(model)
        difference = _difference(model, together)
        together.clear()
    is_same = difference <= TOLERANCE
    log.info("texts are written", side_by_side=is_same, difference=difference)
    if not is_same:
        return Apart(model)
    return Recorded(model, CudaGraphs()) if model.model.device.type == "cuda" else together


@torch.inference_mode()
def _difference(model: Adapted, together: Together) -> float:
    """Feed two short texts of different lengths and adapters both ways; together they go on from copies of what was
    kept. Models know many ways to look at what came before, and some don't keep their rows in order.

    How much the logits differ, relative to their size; infinite where it can't be done together.
    """
    apart, found = Apart(model), [0.0]
    try:
        with model.exact():
            loras = [model.random_lora(seed) for seed in range(2)]
            for read, feeds in (([0, 0], [[5, 6, 7], [8]]), ([3, 1], [[9], [10, 11]])):
                if any(read):
                    _begin_anew(together, read)
                joint, single = together.forward(0, read, feeds, loras), apart.forward(0, read, feeds, loras)
                for row, feed in enumerate(feeds):
                    a, b = joint[row, : len(feed)].float(), single[row, : len(feed)].float()
                    found.append(float((a - b).norm() / b.norm()))
    except (TypeError, ValueError, RuntimeError, IndexError) as problem:
        log.info("texts can't be compared side by side", reason=f"{type(problem).__name__}: {problem}")
        return inf
    return max(found) if all(map(isfinite, found)) else inf


def _begin_anew(together: Together, read: Sequence[int]) -> None:
    """Some models cache what is of no one shape (DeepSeek's keys and values), and can't be kept."""
    kept = [together.keep(row, length) for row, length in enumerate(read)]
    together.clear()
    for row, length in enumerate(read):
        together.restore(row, kept[row], length)
