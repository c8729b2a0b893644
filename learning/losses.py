"""What training minimises, each loss as its paper writes it. Knows nothing of optimisers and of what texts say.

π is the model with its adapter; the reference π₀ is the same model with the adapter switched off, so that no second
one is kept. log π(y|x) is the sum over the answer's tokens, in nats.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from learning.chat_format import Encoded
from learning.forward import answer_logits

BETA = 0.1
"""How strongly preferences are held to the reference, in DPO and KTO: what their papers and TRL begin with."""


def answer_loss(model: PreTrainedModel | PeftModel, batch: Sequence[Encoded]) -> Tensor:
    """Mean cross-entropy per answer token, in nats."""
    logits, targets, _ = answer_logits(model, batch)
    return F.cross_entropy(logits, targets)


def kl_to_base(model: PeftModel, batch: Sequence[Encoded]) -> Tensor:
    """KL(π₀ ‖ π) per answer token, in nats: how far the tuned model has left the base on these texts.

    What predicts forgetting: Shenfeld et al. 2025, "RL's Razor".
    """
    with torch.no_grad(), model.disable_adapter():
        base = F.log_softmax(answer_logits(model, batch).logits, -1)
    tuned = F.log_softmax(answer_logits(model, batch).logits, -1)
    return F.kl_div(tuned, base, reduction="batchmean", log_target=True)


def dpo_loss(model: PeftModel, batch: Sequence[Encoded]) -> Tensor:
    """−log σ(β·(r_chosen − r_rejected)) + cross-entropy on the chosen, in nats, where r = log π(y|x) − log π₀(y|x).

    The first term is the mean over the rows that have a rejected answer, the second the mean over the answer tokens of
    all rows. Direct preference optimisation: Rafailov et al. 2023, equation 7. The second term keeps near-identical
    pairs from making the chosen answer less likely, too: Pal et al. 2024, "Smaug".
    """
    chosen = sorted(batch, key=lambda row: row.rejected is None)  # pairs first
    rejected = _rejected(chosen)
    log_pi = log_probs(model, [*chosen, *rejected])
    supervised = -log_pi[: len(chosen)].sum() / sum(row.answer_length for row in chosen)
    if not rejected:
        return supervised
    pairs = len(rejected)
    log_pi_0 = _reference(model, [*chosen[:pairs], *rejected])
    margins = (log_pi[:pairs] - log_pi_0[:pairs]) - (log_pi[len(chosen) :] - log_pi_0[pairs:])
    return -F.logsigmoid(BETA * margins).mean() + supervised


def kto_loss(model: PeftModel, batch: Sequence[Encoded]) -> Tensor:
    """Mean of 1 − σ(β·(r − z)) over right answers and of 1 − σ(β·(z − r)) over rejected ones, in [0, 1].

    r = log π(y|x) − log π₀(y|x). z estimates KL(π ‖ π₀) by answers to other questions (`with_mismatched`), and is 0
    where there are none; it is never negative, and no gradient flows through it. Kahneman-Tversky optimisation:
    Ethayarajh et al. 2024, equations 7 and 8.
    """
    rejected = _rejected(batch)
    rows = [*batch, *rejected]
    mismatched = [row.mismatched for row in rows if row.mismatched is not None]
    with torch.no_grad():
        z = torch.zeros((), device=model.device)
        if mismatched:
            z = (log_probs(model, mismatched) - _reference(model, mismatched)).mean().clamp(min=0)
    ratios = log_probs(model, rows) - _reference(model, rows)
    gains = torch.cat([ratios[: len(batch)] - z, z - ratios[len(batch) :]])
    return (1 - torch.sigmoid(BETA * gains)).mean()


def with_mismatched(step: Sequence[Encoded]) -> list[Encoded]:
    """A step's rows, each with the answer of the row before it that answers something else, and so its rejected one.

    Drawn before the step is cut into parts: rows that are computed together often ask for one and the same answer.
    """
    rows = [*step, *_rejected(step)]
    owner = [*step, *(row for row in step if row.rejected is not None)]  # whose right answer is no mismatch
    drawn = [_drawn(rows, i, owner) for i in range(len(rows))]
    wrong = iter(drawn[len(step) :])
    return [
        replace(
            row, mismatched=other,
            rejected=replace(row.rejected, mismatched=next(wrong)) if row.rejected is not None else None,
        )
        for row, other in zip(step, drawn, strict=False)
    ]  # fmt: skip


def _drawn(rows: Sequence[Encoded], at: int, owner: Sequence[Encoded]) -> Encoded | None:
    before = (at - back for back in range(1, len(rows)))
    other = next((rows[i] for i in before if owner[i].answer_ids != owner[at].answer_ids), None)
    return rows[at].with_answer_of(other) if other is not None else None


def log_probs(model: PreTrainedModel | PeftModel, rows: Sequence[Encoded]) -> Tensor:
    """log π(y|x) of each row's answer, (B,)."""
    logits, targets, row_of = answer_logits(model, rows)
    per_token = -F.cross_entropy(logits, targets, reduction="none")
    return per_token.new_zeros(len(rows)).index_add(0, row_of, per_token)


@torch.no_grad()
def _reference(model: PeftModel, rows: Sequence[Encoded]) -> Tensor:
    with model.disable_adapter():
        return log_probs(model, rows)


def _rejected(rows: Sequence[Encoded]) -> list[Encoded]:
    return [row.rejected for row in rows if row.rejected is not None]
