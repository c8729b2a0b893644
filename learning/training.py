"""Fine-tunes a LoRA adapter: supervised on the answers, held to the base model on general texts.

    loss = CE(answer | prompt)  +  kl_weight · KL(base ‖ tuned) on general answers

LoRA: Hu et al. 2021. KL to the base as what predicts forgetting: Shenfeld et al. 2025, "RL's Razor". Knows nothing of
lessons, gates or where adapters are kept.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice

import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from learning.chat_format import NOT_TRAINED, Encoded, encode_example
from learning.examples import Example
from learning.recipe import Recipe

OnStep = Callable[[int, int, float], None]  # step, steps, loss


def train(
    base: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    general: Sequence[Example],
    recipe: Recipe,
    on_step: OnStep,
) -> PeftModel:
    """Return the base with a trained adapter around it. Deterministic on a CPU: recipe and data decide the bytes."""
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    data = [encode_example(tokenizer, e.messages, e.answer, recipe.max_tokens) for e in examples]
    texts = [encode_example(tokenizer, e.messages, e.answer, recipe.max_tokens) for e in general]
    rng.shuffle(texts)

    model = get_peft_model(base, _lora(recipe))
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=0.0)
    steps = count_steps(len(data), recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, recipe))
    general_batches = _general_batches(texts, recipe)

    step = 0
    for _ in range(recipe.epochs):
        for batch in length_grouped(data, recipe.batch_size, rng):
            loss = answer_loss(model, batch)
            if texts and recipe.kl_weight:
                loss = loss + recipe.kl_weight * kl_to_base(model, next(general_batches))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, recipe.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            on_step(step, steps, loss.item())
    return model


def count_steps(examples: int, recipe: Recipe) -> int:
    return recipe.epochs * math.ceil(examples / recipe.batch_size)


def answer_loss(model: torch.nn.Module, batch: Sequence[Encoded]) -> Tensor:
    """Mean cross-entropy per answer token, in nats."""
    logits, targets = answer_logits(model, batch)
    return F.cross_entropy(logits, targets)


def kl_to_base(model: PeftModel, batch: Sequence[Encoded]) -> Tensor:
    """KL(base ‖ tuned) per answer token, in nats: how far the tuned model has left the base on these texts."""
    with torch.no_grad(), model.disable_adapter():
        base_logits, _ = answer_logits(model, batch)
    logits, _ = answer_logits(model, batch)
    return F.kl_div(F.log_softmax(logits, -1), F.log_softmax(base_logits, -1), reduction="batchmean", log_target=True)


def answer_logits(model: torch.nn.Module, batch: Sequence[Encoded]) -> tuple[Tensor, Tensor]:
    """Logits (A, V) and targets (A,) of all answer tokens. The head runs only where some row has an answer."""
    ids, labels, mask = collate(batch)  # (B, T) each
    targets = labels[:, 1:]
    columns = (targets != NOT_TRAINED).any(dim=0).nonzero().squeeze(1)  # positions that predict an answer token
    logits = model(input_ids=ids, attention_mask=mask, logits_to_keep=columns).logits  # (B, C, V)
    kept = targets[:, columns]  # (B, C)
    is_answer = kept != NOT_TRAINED
    return logits[is_answer].float(), kept[is_answer]


def collate(batch: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad to the longest row on the right: ids, labels, attention mask, (B, T) each."""
    longest = max(len(row.input_ids) for row in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    labels = torch.full((len(batch), longest), NOT_TRAINED)
    mask = torch.zeros(len(batch), longest, dtype=torch.long)
    for i, row in enumerate(batch):
        length = len(row.input_ids)
        ids[i, :length] = torch.tensor(row.input_ids)
        labels[i, :length] = torch.tensor(row.labels)
        mask[i, :length] = 1
    return ids, labels, mask


def length_grouped(data: Sequence[Encoded], batch_size: int, rng: random.Random) -> list[list[Encoded]]:
    """Batches of rows of similar length, so that little is padding, in random order."""
    shuffled = rng.sample(data, len(data))
    by_length = sorted(shuffled, key=lambda row: len(row.input_ids))
    batches = [by_length[i : i + batch_size] for i in range(0, len(by_length), batch_size)]
    rng.shuffle(batches)
    return batches


def _lora(recipe: Recipe) -> LoraConfig:
    return LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )


def _rate(step: int, steps: int, recipe: Recipe) -> float:
    """Linear warm-up, then linear decay to zero."""
    warmup = max(1, round(recipe.warmup_share * steps))
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))


def _general_batches(texts: Sequence[Encoded], recipe: Recipe) -> Iterator[list[Encoded]]:
    size = max(1, round(recipe.general_share * recipe.batch_size))
    endless = cycle(texts)
    while True:
        yield list(islice(endless, size))
