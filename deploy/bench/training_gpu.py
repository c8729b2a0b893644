"""On a GPU: training beside TRL with the same data, rank, batches and precision; tokens a second; and the share of the
GPU's arithmetic that they use (MFU).
"""

import tempfile
from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from deploy.bench import gpu
from deploy.bench import training_texts as texts
from deploy.bench.report import Bench
from deploy.bench.training_turns import Workload, in_order, measure, train_ours
from learning.chat_format import NOT_TRAINED, Encoded
from learning.recipe import Recipe
from learning.training import adapt

RECIPE = Recipe(kl_weight=0.0, batch_size=16)
STEPS, PROMPT, ANSWER = 4, 420, 60


def run(bench: Bench, tokenizer: Tokenizer, recipe: Recipe) -> None:
    model = gpu.make_model(len(tokenizer))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        for ratio, examples in (
            ("sft_shared_prompt_vs_trl", texts.with_shared_prompt), ("sft_vs_trl", texts.without_shared_prompt),
        ):  # fmt: skip
            name = "SFT, shared prompt" if "shared" in ratio else "SFT"
            workload = Workload(
                f"GPU, {name}", f"gpu_{ratio}", recipe, examples, (1_000,), 3, "grouping", precision="bf16",
                steps=STEPS, warm_ups=1,
            )  # fmt: skip
            measure(bench, workload, Path(folder))
    long(bench, adapt(model, RECIPE))


def long(bench: Bench, model: PeftModel, steps: int = STEPS, side: int = gpu.SIDE) -> None:
    """Rows that share nothing. The arithmetic counted is that of the layers' matrices: the head runs at answers alone,
    attention is left out."""
    batches = in_order([_row(model) for _ in range(steps * RECIPE.batch_size)], RECIPE.batch_size)
    train_ours(model, batches[:1], RECIPE)  # the first time, kernels are chosen
    trained = train_ours(model, batches, RECIPE)
    speed = trained.tokens / trained.seconds
    bench.figure("gpu_training_tokens_per_s", speed)
    # Forward, and back to the inputs; frozen weights need no gradients of their own.
    bench.figure("gpu_training_mfu", 4 * gpu.layer_weights(model) * speed / gpu.flop_per_s(model.device, side))


def _row(model: PeftModel) -> Encoded:
    ids = torch.randint(model.config.vocab_size, (PROMPT + ANSWER,)).tolist()
    return Encoded(ids, [NOT_TRAINED] * PROMPT + ids[PROMPT:])
