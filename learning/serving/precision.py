"""Fewer bytes a step: linear layers with 16-bit weights, where that is faster and loses nothing that shows.

A processor writes as fast as it can read the weights; torch's own kernel (FBGEMM) computes with them in fp32. Its int8
kernel rounds the activations too, which cost the bundled model 0.29 nats per token: it is not offered.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from learning.chat_format import NOT_TRAINED, Encoded
from learning.serving.blocks import Joined

LEAST_AGREEMENT = 0.99
"""Share of tokens that must be the ones that the exact model would choose."""
MOST_NLL_RISE = 0.01  # nats per token
TIMED_STEPS = 6


class HalfLinear(nn.Module):
    """fp16 weights, fp32 arithmetic."""

    def __init__(self, exact: nn.Linear) -> None:
        super().__init__()
        weight = exact.weight.detach()
        if not bool(weight.half().isfinite().all()):
            raise RuntimeError("There are weights that fp16 can't hold.")
        self._packed = torch.ops.quantized.linear_prepack_fp16(weight, exact.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return y


@dataclass(frozen=True)
class Quality:
    """How a model does on some texts."""

    nll: float  # nats per answer token
    choices: Tensor  # (A,): the likeliest token at each place
    whole: float  # share of the texts of which every token is the likeliest one
    step_s: float

    def holds_up_to(self, exact: "Quality") -> bool:
        agreement = float((self.choices == exact.choices).float().mean())
        return (
            agreement >= LEAST_AGREEMENT
            and self.nll <= exact.nll + MOST_NLL_RISE
            and self.whole >= exact.whole
            and self.step_s < exact.step_s
        )


def halve(model: PreTrainedModel, texts: Sequence[Encoded]) -> bool:
    """Give the model's linear layers fp16 weights, unless it is slower or worse with them; whether it has them now.

    Without texts nothing is compared: that was done with the shared base, which this one is a relative of.
    """
    exact = measure(model, texts) if texts else None
    before = list(_linears(model))
    try:
        for parent, name, linear in before:
            setattr(parent, name, HalfLinear(linear))
        if exact is None or measure(model, texts).holds_up_to(exact):
            _own(model)
            return True
    except RuntimeError:  # a processor without this kernel, or a weight beyond fp16
        pass
    for parent, name, linear in before:
        setattr(parent, name, linear)
    return False


@torch.inference_mode()
def measure(model: PreTrainedModel, texts: Sequence[Encoded]) -> Quality:
    """Needs at least one text."""
    losses, choices, whole = [], [], []
    for text in texts:
        logits = model(input_ids=torch.tensor([text.input_ids]), use_cache=False).logits[0, :-1]  # (T-1, V)
        targets = torch.tensor(text.labels[1:])
        is_answer = targets != NOT_TRAINED
        logits, targets = logits[is_answer], targets[is_answer]
        losses.append(F.cross_entropy(logits, targets, reduction="none"))
        choices.append(logits.argmax(-1))
        whole.append(bool((choices[-1] == targets).all()))
    return Quality(float(torch.cat(losses).mean()), torch.cat(choices), sum(whole) / len(whole), _step_s(model))


def _step_s(model: PreTrainedModel) -> float:
    """Seconds of the quickest of some steps of one token."""
    token = torch.zeros(1, 1, dtype=torch.long)
    times = []
    for _ in range(TIMED_STEPS):
        started = time.perf_counter()
        model(input_ids=token, use_cache=False)
        times.append(time.perf_counter() - started)
    return min(times)


def _linears(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Linear]]:
    for parent in model.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and type(child) in (nn.Linear, Joined):
                yield parent, name, child


def _own(model: nn.Module) -> None:
    """Copy what is left of the exact weights: it is mapped from their file, and would hold all of it in memory."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
