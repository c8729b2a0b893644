"""Fine-tunes a LoRA adapter: on the answers, held to the base model on general texts.

    loss = answers' loss(batch)  +  kl_weight · KL(base ‖ tuned) on general answers

LoRA: Hu et al. 2021. Knows nothing of lessons, gates or where adapters are kept.
"""

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import torch
from peft import (
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.errors import SettingError
from learning.batching import length_grouped, same_texts
from learning.chat_format import Encoded, encode_example
from learning.checkpoint import Checkpoint, Stopped
from learning.examples import Example
from learning.lora import shorten
from learning.losses import answer_loss, dpo_loss, kl_to_base, kto_loss, with_mismatched
from learning.parallel import Group
from learning.recipe import Recipe, Setup

OnStep = Callable[[int, int, float], None]  # step, steps, loss
Loss = Callable[[PeftModel, Sequence[Encoded]], Tensor]  # the mean over the rows

NOTHING_FITS = (
    "None of the {count} examples fits into {most} tokens, so there is nothing to train on. Teach shorter answers, or "
    "choose another base model (MENTEE_BASE_MODEL)."
)
LOSSES: dict[str, Loss] = {"sft": answer_loss, "dpo": dpo_loss, "kto": kto_loss}


class NotFinite(ArithmeticError):
    """The loss or its gradient is not a number any more."""


@dataclass(frozen=True)
class Step:
    """What one step of training reads."""

    rows: list[Encoded]
    general: list[Encoded]
    """For the KL term."""


def plan_steps(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    general: Sequence[Example],
    recipe: Recipe,
    imagined: Sequence[Example] = (),
) -> list[Step]:
    """Every step of a training, in order. Recipe and data decide it, so a resumed training finds its place again.

    Each epoch has all examples and its share of the imagined ones. Those that are too long are left out. Raises
    SettingError when all examples are.
    """
    rng = random.Random(recipe.seed)
    data, texts, once = (
        [row for each in some if (row := _fitting(tokenizer, each, recipe.max_tokens)) is not None]
        for some in (examples, general, imagined)
    )
    if not data:
        raise SettingError(NOTHING_FITS.format(count=len(examples), most=recipe.max_tokens))
    rng.shuffle(texts)
    general_batches = _general_batches(texts if recipe.kl_weight else [], recipe)
    shares = [once[epoch :: recipe.epochs] for epoch in range(recipe.epochs)]
    epochs = [length_grouped([*data, *share], recipe.batch_size, rng) for share in shares]
    return [Step(rows, next(general_batches)) for batches in epochs for rows in batches]


def _fitting(tokenizer: PreTrainedTokenizerBase, example: Example, most: int) -> Encoded | None:
    """The example, or else with the right text alone; None when that is too long as well.

    Nothing is cut off: without its beginning a prompt lacks the instructions and the text that the answer stands in,
    and an answer without its end never learns to stop.
    """
    for messages in filter(None, (example.messages, example.shorter)):
        row = encode_example(tokenizer, messages, example.answer, sys.maxsize, example.rejected)
        if all(len(each.input_ids) <= most for each in (row, row.rejected) if each is not None):
            return row
    return None


def left_out(tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], recipe: Recipe) -> int:
    """How many of the examples are too long."""
    return sum(_fitting(tokenizer, example, recipe.max_tokens) is None for example in examples)


def adapt(base: PreTrainedModel, recipe: Recipe, start: Path | None = None) -> PeftModel:
    """Put a new adapter around the base model: one that changes nothing yet, or that of the folder `start`.

    Raises SettingError when the one to start from is of another shape than the recipe's.
    """
    torch.manual_seed(recipe.seed)
    model = get_peft_model(base, _lora(recipe))
    if start is not None:
        _begin_with(model, start)
    shorten(model)
    model.train()
    return model


def _begin_with(model: PeftModel, start: Path) -> None:
    own, wanted = LoraConfig.from_pretrained(str(start)), model.peft_config["default"]
    assert isinstance(own, LoraConfig)
    assert isinstance(wanted, LoraConfig)
    weights = load_file(start / SAFETENSORS_WEIGHTS_NAME)
    expected = {name: weight.shape for name, weight in get_peft_model_state_dict(model).items()}
    fits = expected == {name: weight.shape for name, weight in weights.items()}
    if not fits or (own.r, own.lora_alpha) != (wanted.r, wanted.lora_alpha):
        raise SettingError(
            f"The adapter that training starts from, {start}, is of another shape than the recipe's (rank {wanted.r}, "
            f"alpha {wanted.lora_alpha}). Make it again with `mentee starter`, or remove it."
        )
    set_peft_model_state_dict(model, weights)


def train(
    model: PeftModel,
    steps: Sequence[Step],
    recipe: Recipe,
    on_step: OnStep,
    setup: Setup = Setup(),  # noqa: B008  # frozen
    group: Group = Group(),  # noqa: B008  # frozen
    checkpoint: Checkpoint | None = None,
) -> None:
    """Train the adapter. Deterministic on a CPU: recipe, data and setup decide the bytes, however often it is resumed.

    Raises NotFinite; Stopped when it was asked to.
    """
    torch.manual_seed(recipe.seed)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    optimizer = torch.optim.AdamW(trained.values(), lr=recipe.learning_rate, weight_decay=0.0)
    done = checkpoint.restore(trained, optimizer) if checkpoint is not None else 0
    for number, step in enumerate(steps[done:], done + 1):
        optimizer.param_groups[0]["lr"] = recipe.learning_rate * _rate(number - 1, len(steps), recipe)
        loss = backward(model, step, recipe, setup, group)
        stop_asked = checkpoint is not None and checkpoint.stop_asked
        loss, stops = group.add_up(trained.values(), loss, float(stop_asked))
        norm = torch.nn.utils.clip_grad_norm_(trained.values(), recipe.max_grad_norm)
        if not math.isfinite(loss + norm.item()):
            raise NotFinite(f"The loss was {loss} and its gradient's norm {norm.item()} at step {number}.")
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if checkpoint is not None and group.rank == 0 and (stops or checkpoint.is_due() or number == len(steps)):
            checkpoint.save(number, setup, trained, optimizer)
        on_step(number, len(steps), loss)
        if stops:
            raise Stopped


def backward(model: PeftModel, step: Step, recipe: Recipe, setup: Setup, group: Group) -> float:
    """Leave the step's gradients in the adapter, and return its loss; of a group, this process's part of both."""
    rows = with_mismatched(step.rows) if recipe.method == "kto" else step.rows
    answers = _backward(model, LOSSES[recipe.method], rows, 1.0, setup, group)
    return answers + _backward(model, kl_to_base, step.general, recipe.kl_weight, setup, group)


def _backward(
    model: PeftModel, loss_of: Loss, batch: Sequence[Encoded], weight: float, setup: Setup, group: Group
) -> float:
    """A mean is the sum of its parts' means, each weighed by its share of what the mean is over.

    Exact for means over answer tokens. What DPO and KTO take from the batch as a whole, they take from the part; the
    other questions' answers that KTO compares with come from the whole step.
    """
    total = 0.0
    size = _answer_tokens if loss_of in (answer_loss, kl_to_base) else len
    for part in micro_batches(group.share(batch), setup.tokens_at_once):
        share = size(part) / size(batch)
        loss = weight * share * loss_of(model, part)
        loss.backward()
        total += loss.item()
    return total


def micro_batches(batch: Sequence[Encoded], tokens_at_once: int) -> Iterator[Sequence[Encoded]]:
    """Parts of a batch: rows that show the same texts by themselves, and at most so many tokens when they are padded.

    Each has at least one row.
    """
    for part in same_texts(batch):
        rows = max(1, tokens_at_once // max(map(tokens_of, part)))
        for start in range(0, len(part), rows):
            yield part[start : start + rows]


def _answer_tokens(rows: Sequence[Encoded]) -> int:
    return sum(row.answer_length for row in rows)


def tokens_of(row: Encoded) -> int:
    return len(row.input_ids) + (len(row.rejected.input_ids) if row.rejected is not None else 0)


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
