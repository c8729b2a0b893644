"""What would train the adapter instead: TRL's SFTTrainer and DPOTrainer, set up to be the same computation as ours;
and SFTTrainer as its own script sets it up.

They pad each batch to its longest row and shuffle, as is their default. Knows nothing of what is measured.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoTokenizer, PrinterCallback, TrainerCallback

from bot.errors import SettingError
from bot.prompting import Message, closed_book_prompt
from learning.chat_format import NOT_TRAINED, Encoded
from learning.examples import Example
from learning.losses import BETA
from learning.precision import load_base
from learning.recipe import Precision, Recipe

TRL = "TRL"
IN_ORDER, SHUFFLED = "sequential", "random"
COMMON: dict[str, Any] = {
    "max_length": None, "activation_checkpointing": False, "report_to": [], "save_strategy": "no",
    "logging_strategy": "no", "disable_tqdm": True, "weight_decay": 0.0,
}  # fmt: skip

LORA_RATE = 2e-4
"""What TRL's own script for SFT names for LoRA; everything else that is not in COMMON are SFTConfig's defaults."""


@dataclass
class Trained:
    """What a training came to."""

    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    """Without padding."""
    seconds: float = 0.0
    """Of the steps alone."""


class TrlTrainer:
    """Trains an adapter that begins with the weights of ours."""

    def __init__(
        self,
        base: Path,
        ours: PeftModel,
        examples: Sequence[Example],
        recipe: Recipe,
        steps: int,
        precision: Precision = "fp32",
        order: str = SHUFFLED,
    ) -> None:
        """Raises SettingError when TRL is not installed."""
        _check_installed()
        from datasets import Dataset, disable_progress_bars  # type: ignore[import-untyped]

        disable_progress_bars()
        made, options = _supervised() if recipe.method == "sft" else _from_preferences()
        with tempfile.TemporaryDirectory() as folder:
            self._trainer = made(
                model=load_base(base, precision), processing_class=AutoTokenizer.from_pretrained(base),
                args=options(
                    output_dir=folder, bf16=precision == "bf16", **_schedule(recipe, steps),
                    train_sampling_strategy=order,
                ),
                train_dataset=Dataset.from_list([_as_data(example) for example in examples]),
                peft_config=ours.peft_config["default"],
            )  # fmt: skip
        self._trainer.model.load_state_dict(ours.state_dict())
        self._watch = _Watch()
        self._trainer.add_callback(self._watch)
        self._trainer.remove_callback(PrinterCallback)
        self._watch_losses()

    @property
    def rows(self) -> list[Encoded]:
        """The examples as TRL encodes them, for ours to train on the same tokens."""
        return [_row(each) for each in self._trainer.train_dataset]

    def train(self) -> Trained:
        """Train so many steps from the beginning of the data."""
        self._watch.trained = Trained()
        self._trainer.train()
        return self._watch.trained

    def _watch_losses(self) -> None:
        compute = self._trainer.compute_loss

        def compute_loss(model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            self._watch.trained.tokens += int(inputs["attention_mask"].sum())
            loss = compute(model, inputs, *args, **kwargs)
            self._watch.trained.losses.append(loss.item())
            return loss

        self._trainer.compute_loss = compute_loss


class _Watch(TrainerCallback):
    """Times the steps: forward, backward and optimiser, but not what comes before the first of them."""

    def __init__(self) -> None:
        self.trained = Trained()
        self._began = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.trained.seconds += time.perf_counter() - self._began


def go_on(model: PeftModel, base: Path, lessons: Sequence[tuple[str, str]], seed: int) -> None:
    """Train an adapter further on (question, answer) pairs. Raises SettingError when TRL is not installed."""
    _check_installed()
    from datasets import Dataset, disable_progress_bars
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    disable_progress_bars()
    rows = [
        {"prompt": [_turn(m) for m in closed_book_prompt(q)], "completion": [_turn(Message("assistant", a))]}
        for q, a in lessons
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            learning_rate=LORA_RATE,
            use_cpu=not torch.cuda.is_available(),
            bf16=False,
            completion_only_loss=True,
            seed=seed,
            **COMMON,
        )
        trainer = SFTTrainer(
            model=model,
            processing_class=AutoTokenizer.from_pretrained(base),
            args=config,
            train_dataset=Dataset.from_list(rows),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def _check_installed() -> None:
    if find_spec("trl") is None:
        raise SettingError("Training is measured beside TRL, which is not installed: pip install 'trl>=1.16,<1.17'.")


def _supervised() -> tuple[Any, Any]:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    return SFTTrainer, lambda **more: SFTConfig(completion_only_loss=True, **COMMON, **more)


def _from_preferences() -> tuple[Any, Any]:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    losses: dict[str, Any] = {"beta": BETA, "loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 1.0]}
    return DPOTrainer, lambda **more: DPOConfig(**losses, **COMMON, **more)


def _schedule(recipe: Recipe, steps: int) -> dict[str, Any]:
    """Without warm-up, our rate is full for one step and then falls to zero along a line."""
    return {
        "max_steps": steps, "per_device_train_batch_size": recipe.batch_size, "learning_rate": recipe.learning_rate,
        "max_grad_norm": recipe.max_grad_norm, "use_cpu": not torch.cuda.is_available(), "seed": recipe.seed,
        "lr_scheduler_type": "warmup_stable_decay",
        "lr_scheduler_kwargs": {"num_decay_steps": steps - 1, "decay_type": "linear"},
    }  # fmt: skip


def _as_data(example: Example) -> dict[str, Any]:
    prompt = [_turn(message) for message in example.messages]
    answer = [_turn(Message("assistant", example.answer))]
    if example.rejected is None:
        return {"prompt": prompt, "completion": answer}
    return {"prompt": prompt, "chosen": answer, "rejected": [_turn(Message("assistant", example.rejected))]}


def _turn(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _row(data: dict[str, list[int]]) -> Encoded:
    if "labels" in data:
        return Encoded(data["input_ids"], data["labels"])
    chosen, rejected = (_joined(data["prompt_ids"], data[name]) for name in ("chosen_ids", "rejected_ids"))
    return Encoded(chosen.input_ids, chosen.labels, rejected)


def _joined(prompt: list[int], answer: list[int]) -> Encoded:
    return Encoded(prompt + answer, [NOT_TRAINED] * len(prompt) + answer)
