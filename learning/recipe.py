"""How an adapter is trained. Part of its lineage: the same recipe, data and seed give the same bytes on a CPU."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """LoRA (Hu et al. 2021) on all linear layers, supervised, held close to the base model by a KL term."""

    rank: int = 16
    alpha: int = 32
    learning_rate: float = 1e-3
    """With the KL term, two epochs at this rate teach a 135M model to read about as well as three at half of it."""
    epochs: int = 2
    batch_size: int = 8
    kl_weight: float = 0.3
    """Weight of KL(base ‖ tuned) on general texts, in nats per token."""
    general_share: float = 0.15
    """General texts per example, for the KL term."""
    warmup_share: float = 0.05
    max_grad_norm: float = 1.0
    max_tokens: int = 640
    seed: int = 0
