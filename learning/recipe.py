"""How an adapter is trained. Part of its lineage: the same recipe, data and setup give the same bytes on a CPU."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["sft", "dpo", "kto"]
Precision = Literal["fp32", "bf16", "4bit"]


@dataclass(frozen=True)
class Recipe:
    """LoRA (Hu et al. 2021) on all linear layers, held close to the base model by a KL term."""

    method: Method = "sft"
    """sft: supervised on answers alone. dpo, kto: from preferences, too."""
    rank: int = 8
    alpha: int = 16
    learning_rate: float = 1.5e-3
    """With the KL term, and from a starter adapter, it leaves general texts as likely as they were."""
    epochs: int = 3
    batch_size: int = 8
    imagined: float = 3.0
    """Made-up questions for each that was taught, other ones in every epoch (learning/distillation.py)."""
    kl_weight: float = 0.3
    """Weight of KL(base ‖ tuned) on general texts, in nats per token."""
    general_share: float = 0.15
    """General texts per example, for the KL term."""
    warmup_share: float = 0.05
    max_grad_norm: float = 1.0
    max_tokens: int = 640
    seed: int = 0

    @property
    def imagined_in_all(self) -> int:
        """Made-up questions for each that was taught, over all epochs."""
        return round(self.imagined * self.epochs)


@dataclass(frozen=True)
class Setup:
    """What a machine made of a recipe. It decides over rounding, so it is part of the lineage, too."""

    threads: int = 1
    processes: int = 1
    precision: Precision = "fp32"
    """Of the base model; the adapter itself is always fp32."""
    tokens_at_once: int = 1_000_000
    """Padded tokens that are computed at once. The parts' gradients add up to the whole batch's, exactly so for sft."""
    recompute: bool = False
    """Activation checkpointing: activations are computed again in the backward pass rather than kept."""
