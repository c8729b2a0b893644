"""On a GPU: training tokens a second, and the share of the GPU's arithmetic that they use (MFU).

The model is of 1.2B parameters and random weights in bf16, which serve for speed. The rows share nothing.
"""

import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from deploy.bench.report import Bench, seconds
from deploy.bench.training_turns import in_order, train_ours
from learning.chat_format import NOT_TRAINED, Encoded
from learning.recipe import Recipe
from learning.training import adapt

RECIPE = Recipe(kl_weight=0.0, batch_size=16)
STEPS, PROMPT, ANSWER = 8, 420, 60
SIDE, PRODUCTS = 8_192, 20


def run(bench: Bench) -> None:
    config = LlamaConfig(
        vocab_size=49_152, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=4096,
    )  # fmt: skip
    with torch.device("cuda"):
        model: PreTrainedModel = LlamaForCausalLM(config)
    measure(bench, adapt(model.bfloat16(), RECIPE))


def measure(bench: Bench, model: PeftModel, steps: int = STEPS, side: int = SIDE) -> None:
    """The arithmetic counted is that of the layers' matrices: the head runs at answers alone, attention is left out."""
    batches = in_order([_row(model) for _ in range(steps * RECIPE.batch_size)], RECIPE.batch_size)
    train_ours(model, batches[:1], RECIPE)  # the first time, kernels are chosen
    trained = train_ours(model, batches, RECIPE)
    speed = trained.tokens / trained.seconds
    layers = sum(p.numel() for name, p in model.named_parameters() if ".layers." in name and p.dim() == 2)
    bench.figure("gpu_training_tokens_per_s", speed)
    # Forward, and back to the inputs; frozen weights need no gradients of their own.
    bench.figure("gpu_training_mfu", 4 * layers * speed / _flops(model, side))


def _row(model: PeftModel) -> Encoded:
    ids = torch.randint(model.config.vocab_size, (PROMPT + ANSWER,)).tolist()
    return Encoded(ids, [NOT_TRAINED] * PROMPT + ids[PROMPT:])


def _flops(model: PeftModel, side: int) -> float:
    """What multiplying large bf16 matrices reaches, a second."""
    matrix = torch.ones(side, side, dtype=torch.bfloat16, device=model.device)

    def multiply() -> None:
        for _ in range(PRODUCTS):
            product = matrix @ matrix
        product[0, 0].item()  # waits for all of them

    multiply()
    return 2 * side**3 * PRODUCTS / seconds(multiply)
