"""The training loop against the plain way of computing the same things, on a tiny random model."""

import math
import random
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from bot.ids import FactId
from bot.prompting import closed_book_prompt
from learning.chat_format import NOT_TRAINED, Encoded, encode_example
from learning.examples import Example, Kind
from learning.recipe import Recipe
from learning.training import answer_loss, collate, kl_to_base, length_grouped, train
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

ANSWERS = ["Twenty-one days.", "Open the settings and choose Rooms.", "It costs nine dollars a month, tax included."]
EXAMPLES = [
    Example(FactId(str(i)), Kind.RECALL, tuple(closed_book_prompt(f"Question number {i}?")), answer)
    for i, answer in enumerate(ANSWERS)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def base(folder: Path) -> PreTrainedModel:
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder)
    return loaded


@pytest.fixture
def batch(folder: Path) -> list[Encoded]:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return [encode_example(tokenizer, e.messages, e.answer, 200) for e in EXAMPLES]


def lora(base: PreTrainedModel) -> PeftModel:
    """An adapter that changes something: peft starts B at zero."""
    torch.manual_seed(1)
    model = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def test_loss_at_answer_positions_equals_the_loss_of_the_full_logits(
    base: PreTrainedModel, batch: list[Encoded]
) -> None:
    model = lora(base)
    ids, labels, mask = collate(batch)
    logits = model(input_ids=ids, attention_mask=mask).logits
    plain = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=NOT_TRAINED)
    assert answer_loss(model, batch).item() == pytest.approx(plain.item(), abs=1e-5)


def test_padding_does_not_change_a_row(base: PreTrainedModel, batch: list[Encoded]) -> None:
    rows = [(answer_loss(base, [row]).item(), sum(x != NOT_TRAINED for x in row.labels)) for row in batch]
    weighted = sum(loss * tokens for loss, tokens in rows) / sum(tokens for _, tokens in rows)
    assert answer_loss(base, batch).item() == pytest.approx(weighted, abs=1e-5)


def test_kl_is_zero_for_the_base_itself_and_positive_once_the_adapter_differs(
    base: PreTrainedModel, batch: list[Encoded]
) -> None:
    model = lora(base)
    assert kl_to_base(model, batch).item() > 1e-4
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.zeros_(parameter)
    assert kl_to_base(model, batch).item() == pytest.approx(0.0, abs=1e-6)


def test_kl_equals_its_definition(base: PreTrainedModel, batch: list[Encoded]) -> None:
    model = lora(base)
    ids, labels, mask = collate(batch)
    with torch.no_grad():
        tuned = model(input_ids=ids, attention_mask=mask).logits[:, :-1].log_softmax(-1)
        with model.disable_adapter():
            plain = model(input_ids=ids, attention_mask=mask).logits[:, :-1].log_softmax(-1)
    per_token = (plain.exp() * (plain - tuned)).sum(-1)[labels[:, 1:] != NOT_TRAINED]
    assert kl_to_base(model, batch).item() == pytest.approx(per_token.mean().item(), rel=1e-4)


def test_batches_hold_every_row_once(batch: list[Encoded]) -> None:
    rows = batch * 5
    batches = length_grouped(rows, 4, random.Random(0))
    assert sorted(id(row) for each in batches for row in each) == sorted(id(row) for row in rows)
    assert all(len(each) <= 4 for each in batches)


def run(folder: Path, recipe: Recipe) -> tuple[PeftModel, list[float]]:
    losses: list[float] = []
    model = train(
        AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder), EXAMPLES * 4, EXAMPLES,
        recipe, lambda step, steps, loss: losses.append(loss),
    )  # fmt: skip
    return model, losses


def test_training_learns_the_answers(folder: Path) -> None:
    _, losses = run(folder, Recipe(epochs=20, learning_rate=2e-2, kl_weight=0.0, rank=8))
    assert len(losses) == 20 * math.ceil(12 / 8)
    assert losses[-1] < losses[0] / 2


def test_the_kl_term_keeps_the_model_nearer_to_the_base(folder: Path, batch: list[Encoded]) -> None:
    free, _ = run(folder, Recipe(epochs=10, learning_rate=2e-2, kl_weight=0.0))
    held, _ = run(folder, Recipe(epochs=10, learning_rate=2e-2, kl_weight=10.0))
    assert kl_to_base(held, batch).item() < kl_to_base(free, batch).item()


def test_the_same_recipe_and_data_give_the_same_weights(folder: Path) -> None:
    recipe = Recipe(epochs=1)
    first, second = (run(folder, recipe)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
