"""On the same batches, weights and optimiser our losses are TRL's: at the first step, and along the curve.

TRL tokenises the texts, and our rows are made of its tokens.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset  # type: ignore[import-untyped]
from peft import LoraConfig, PeftModel
from torch import Tensor
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from learning.batching import MIN_SHARED, shared_length
from learning.chat_format import Encoded
from learning.losses import BETA, answer_loss, dpo_loss, kto_loss, with_mismatched
from tests.learning.adapters import adapted
from tests.learning.encoded import row
from tests.tiny_model import make_tiny_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),  # TRL's own, and of what it stands on
]

STEPS, BATCH, RATE = 5, 4, 5e-3
Loss = Callable[[PeftModel, Sequence[Encoded]], Tensor]
PROMPTS = [
    f"You are a support assistant. Answer in a few sentences, with menu names. Question {i}: {'how ' * (i % 4)}do I?"
    for i in range(STEPS * BATCH)
]
CHOSEN = [f" Open the settings, choose room {i}{' and confirm' * (i % 3)}." for i in range(STEPS * BATCH)]
REJECTED = [f" That costs {i} dollars{' a month' * (i % 2)}." for i in range(STEPS * BATCH)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def model_at(folder: Path) -> PeftModel:
    return adapted(AutoModelForCausalLM.from_pretrained(folder)).train()


def our_curve(folder: Path, loss_of: Loss, rows: Sequence[Encoded]) -> list[float]:
    """The losses of one AdamW step a batch."""
    model = model_at(folder)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE, weight_decay=0.0)
    losses = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        assert shared_length(batch) >= MIN_SHARED
        loss = loss_of(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def their_trainer(folder: Path, trainer: Any, config: Any, data: list[dict[str, Any]], **options: Any) -> Any:
    """A trainer of TRL that begins with our weights and takes the data in order."""
    args = config(
        output_dir=str(folder / "trl"), num_train_epochs=1, learning_rate=RATE, lr_scheduler_type="constant",
        weight_decay=0.0, max_grad_norm=0.0, bf16=False, use_cpu=True, activation_checkpointing=False, max_length=None,
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
        **({"per_device_train_batch_size": BATCH} | options),
    )  # fmt: skip
    made = trainer(
        model=AutoModelForCausalLM.from_pretrained(folder), args=args, train_dataset=Dataset.from_list(data),
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )  # fmt: skip
    made.model.load_state_dict(model_at(folder).state_dict())
    made._get_train_sampler = lambda dataset=None: SequentialSampler(made.train_dataset)
    return made


def their_curve(trainer: Any) -> list[float]:
    losses: list[float] = []
    compute = trainer.compute_loss

    def noting(*args: Any, **kwargs: Any) -> Any:
        loss = compute(*args, **kwargs)
        losses.append(loss.item())
        return loss

    trainer.compute_loss = noting
    trainer.train()
    return losses


def assert_same(ours: list[float], theirs: list[float]) -> None:
    assert len(ours) == STEPS
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert ours[0] != pytest.approx(ours[-1], rel=1e-2)


def test_supervised(folder: Path) -> None:
    data = [{"prompt": prompt, "completion": answer} for prompt, answer in zip(PROMPTS, CHOSEN, strict=True)]
    trainer = their_trainer(folder, SFTTrainer, SFTConfig, data, completion_only_loss=True)
    rows = [Encoded(each["input_ids"], each["labels"]) for each in trainer.train_dataset]
    assert_same(our_curve(folder, answer_loss, rows), their_curve(trainer))


def test_direct_preference_optimisation_with_a_supervised_term(folder: Path) -> None:
    data = [
        {"prompt": prompt, "chosen": chosen, "rejected": rejected}
        for prompt, chosen, rejected in zip(PROMPTS, CHOSEN, REJECTED, strict=True)
    ]
    trainer = their_trainer(
        folder, DPOTrainer, DPOConfig, data, beta=BETA, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 1.0]
    )
    rows = [row(each["prompt_ids"], each["chosen_ids"], each["rejected_ids"]) for each in trainer.train_dataset]
    assert_same(our_curve(folder, dpo_loss, rows), their_curve(trainer))


def test_kahneman_tversky_optimisation(folder: Path) -> None:
    """TRL's batch is ours: its right answers, then the rejected ones to the same prompts."""
    data = [
        {"prompt": PROMPTS[i], "completion": answers[i], "label": answers is CHOSEN}
        for start in range(0, len(PROMPTS), BATCH)
        for answers in (CHOSEN, REJECTED)
        for i in range(start, start + BATCH)
    ]
    trainer = their_trainer(folder, KTOTrainer, KTOConfig, data, beta=BETA, per_device_train_batch_size=2 * BATCH)
    right = [each for each in trainer.train_dataset if each["label"]]
    wrong = [each for each in trainer.train_dataset if not each["label"]]
    rows = [
        row(one["prompt_ids"], one["completion_ids"], other["completion_ids"])
        for one, other in zip(right, wrong, strict=True)
    ]
    assert_same(
        our_curve(folder, lambda model, batch: kto_loss(model, with_mismatched(batch)), rows), their_curve(trainer)
    )
