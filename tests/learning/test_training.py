"""The training loop against the plain way of computing the same things, on a tiny random model."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from bot.errors import SettingError
from bot.ids import FactId
from bot.prompting import Passage, closed_book_prompt, grounded_prompt
from learning.chat_format import Encoded, encode_example
from learning.examples import Example, Kind
from learning.losses import kl_to_base
from learning.parallel import Group
from learning.recipe import Method, Recipe, Setup
from learning.training import adapt, backward, left_out, micro_batches, plan_steps, train
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
def batch(folder: Path) -> list[Encoded]:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return [encode_example(tokenizer, e.messages, e.answer, 200) for e in EXAMPLES]


def run(folder: Path, recipe: Recipe) -> tuple[PeftModel, list[float]]:
    losses: list[float] = []
    steps = plan_steps(AutoTokenizer.from_pretrained(folder), EXAMPLES * 4, EXAMPLES, recipe)
    model = adapt(AutoModelForCausalLM.from_pretrained(folder), recipe)
    train(model, steps, recipe, lambda step, steps, loss: losses.append(loss))
    return model, losses


def test_what_is_too_long_is_shown_the_right_text_alone_or_left_out_whole(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    question, right, other = "How do I pause?", Passage("Pause", "Open Plans."), Passage("Refunds", "word " * 300)
    messages, shorter = (tuple(grounded_prompt(question, some)) for some in ([right, other], [right]))
    both = Example(FactId("a"), Kind.READING, messages, right.text, shorter=shorter)
    fits = Example(FactId("b"), Kind.READING, shorter, right.text, rejected="No idea.")
    too_long = Example(FactId("c"), Kind.RECALL, tuple(closed_book_prompt(question)), "word " * 300)
    cut = replace(fits, fact=FactId("d"), rejected="word " * 300)
    recipe = Recipe(epochs=2, batch_size=4, max_tokens=200)
    examples = [both, fits, too_long, cut]
    steps = plan_steps(tokenizer, examples, [too_long], recipe)
    whole = encode_example(tokenizer, shorter, right.text, 10_000)
    assert {tuple(row.input_ids) for step in steps for row in step.rows} == {tuple(whole.input_ids)}
    assert sum(len(step.rows) for step in steps) == 2 * recipe.epochs
    assert left_out(tokenizer, examples, recipe) == 2
    assert all(step.general == [] for step in steps)
    with pytest.raises(SettingError, match="None of the 1 examples fits into 200 tokens"):
        plan_steps(tokenizer, [too_long], [], recipe)


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


# --- a batch in parts -----------------------------------------------------------------------------------------------


def gradients(folder: Path, recipe: Recipe, setup: Setup, *, recompute: bool = False) -> dict[str, torch.Tensor]:
    """Of the first step, once the adapter does something."""
    model, _ = run(folder, replace(recipe, method="sft"))
    if recompute:
        model.activation_checkpointing_enable()
    step = plan_steps(AutoTokenizer.from_pretrained(folder), EXAMPLES * 4, EXAMPLES, recipe)[0]
    backward(model, step, recipe, setup, Group())
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


RECIPE = Recipe(epochs=1, general_share=0.4)


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, torch.Tensor]:
    return gradients(folder, RECIPE, Setup())


@pytest.mark.parametrize("tokens_at_once", [1, 200])
def test_the_gradients_of_the_parts_add_up_to_the_batch_s(
    folder: Path, whole: dict[str, torch.Tensor], tokens_at_once: int
) -> None:
    parts = gradients(folder, RECIPE, Setup(tokens_at_once=tokens_at_once))
    assert parts.keys() == whole.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-5)


def test_activations_that_are_computed_again_give_the_same_gradients(
    folder: Path, whole: dict[str, torch.Tensor]
) -> None:
    again = gradients(folder, RECIPE, Setup(), recompute=True)
    for name, gradient in whole.items():
        torch.testing.assert_close(again[name], gradient, rtol=1e-4, atol=1e-5)


def test_a_part_has_as_many_rows_as_its_tokens_allow() -> None:
    rows = [Encoded([1] * length, [1] * length) for length in (3, 5, 4, 2, 5)]
    assert [len(part) for part in micro_batches(rows, 10)] == [2, 2, 1]
    assert [len(part) for part in micro_batches(rows, 4)] == [1] * 5
    assert [len(part) for part in micro_batches(rows, 1_000)] == [5]
    assert list(micro_batches([], 10)) == []
    paired = [replace(rows[0], rejected=rows[1])] * 2
    assert [len(part) for part in micro_batches(paired, 15)] == [1, 1]


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_preferences_are_trained_by_the_same_loop(folder: Path, method: Method) -> None:
    recipe = Recipe(method=method, epochs=20, learning_rate=2e-2, kl_weight=0.0)
    pairs = [replace(example, rejected="Nobody knows, ask somebody else.") for example in EXAMPLES]
    losses: list[float] = []
    steps = plan_steps(AutoTokenizer.from_pretrained(folder), pairs, [], recipe)
    model = adapt(AutoModelForCausalLM.from_pretrained(folder), recipe)
    train(model, steps, recipe, lambda step, steps, loss: losses.append(loss))
    assert losses[-1] < losses[0] / 2
