"""What is measured on a GPU, and what the GPU itself can do at most. Knows no contender.

The model is of 1.2B parameters and random weights, which serve for speed.
"""

import time
from collections.abc import Callable

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

COPIED_BYTES = 2**30
SIDE, PRODUCTS = 8_192, 20


def make_model(vocabulary: int) -> PreTrainedModel:
    """In bf16. `vocabulary`: its number of tokens."""
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=4096,
    )  # fmt: skip
    with torch.device("cuda"):
        model: PreTrainedModel = LlamaForCausalLM._from_config(config, dtype=torch.bfloat16).eval()
    return model


def bytes_per_s() -> float:
    """What copying within the GPU's memory reads and writes."""
    source = torch.empty(COPIED_BYTES, dtype=torch.uint8, device="cuda")
    target = source.clone()

    def copy() -> None:
        for _ in range(10):
            target.copy_(source)

    return 2 * 10 * COPIED_BYTES / _seconds(copy)


def flop_per_s(device: torch.device, side: int = SIDE) -> float:
    """What multiplying large bf16 matrices of random numbers reaches."""
    a, b = (torch.randn(side, side, dtype=torch.bfloat16, device=device) for _ in range(2))

    def multiply() -> None:
        for _ in range(PRODUCTS):
            a @ b

    return 2 * side**3 * PRODUCTS / _seconds(multiply)


def layer_weights(model: torch.nn.Module) -> int:
    """How many there are in the layers' matrices: each is multiplied and added once for a token."""
    return sum(p.numel() for name, p in model.named_parameters() if ".layers." in name and p.dim() == 2)


def wait() -> None:
    """Until a GPU has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _seconds(work: Callable[[], None]) -> float:
    work()  # the first time, kernels are chosen
    wait()
    began = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - began
