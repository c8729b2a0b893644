"""Each loss against its paper's equation, written out over the full logits of one row at a time."""

import random
from collections.abc import Sequence
from math import exp, log
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

from learning import losses
from learning.chat_format import NOT_TRAINED, Encoded
from learning.losses import BETA, answer_loss, dpo_loss, kl_to_base, kto_loss, log_probs, with_mismatched
from tests.learning.adapters import adapted
from tests.learning.encoded import VOCABULARY, ragged, row

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


@pytest.fixture(scope="module")
def model() -> PeftModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.2,
    )  # fmt: skip
    return adapted(LlamaForCausalLM(config))


@pytest.fixture
def batch() -> list[Encoded]:
    return ragged(random.Random(0), rows=4, shared=12, pairs=True)


@torch.no_grad()
def token_logs(model: PeftModel, each: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every answer position: all log-probabilities (A, V), and the answer token's (A,)."""
    logs = model(input_ids=torch.tensor([each.input_ids])).logits[0, :-1].log_softmax(-1)
    labels = torch.tensor(each.labels[1:])
    trained = labels != NOT_TRAINED
    return logs[trained], logs[trained, labels[trained]]


def log_pi(model: PeftModel, each: Encoded) -> float:
    return token_logs(model, each)[1].sum().item()


def log_ratio(model: PeftModel, each: Encoded) -> float:
    with model.disable_adapter():
        reference = log_pi(model, each)
    return log_pi(model, each) - reference


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def rejected(each: Encoded) -> Encoded:
    assert each.rejected is not None
    return each.rejected


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_the_answer_loss_is_the_mean_over_all_answer_tokens_not_over_rows(
    model: PeftModel, batch: list[Encoded]
) -> None:
    per_token = torch.cat([token_logs(model, each)[1] for each in batch])
    assert answer_loss(model, batch).item() == pytest.approx(-per_token.mean().item(), rel=1e-5)


def test_the_probability_of_an_answer_is_the_sum_of_its_tokens(model: PeftModel, batch: list[Encoded]) -> None:
    expected = [log_pi(model, each) for each in batch]
    assert log_probs(model, batch).tolist() == pytest.approx(expected, rel=1e-5)


def test_kl_equals_its_definition(model: PeftModel, batch: list[Encoded]) -> None:
    tuned = torch.cat([token_logs(model, each)[0] for each in batch])
    with model.disable_adapter():
        base = torch.cat([token_logs(model, each)[0] for each in batch])
    expected = (base.exp() * (base - tuned)).sum(-1).mean().item()
    assert expected > 1e-4
    assert kl_to_base(model, batch).item() == pytest.approx(expected, rel=1e-4)


def test_an_adapter_that_changes_nothing_has_no_kl(batch: list[Encoded]) -> None:
    fresh = adapted(LlamaForCausalLM(LlamaConfig(**small())), scale=0.0)
    assert kl_to_base(fresh, batch).item() == pytest.approx(0.0, abs=1e-6)
    assert kto_loss(fresh, batch).item() == pytest.approx(0.5, abs=1e-6)
    assert (dpo_loss(fresh, batch) - answer_loss(fresh, batch)).item() == pytest.approx(log(2), abs=1e-5)


def small() -> dict[str, Any]:
    return {
        "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }  # fmt: skip


def test_dpo_is_the_margin_over_pairs_and_the_cross_entropy_over_all_chosen(
    model: PeftModel, batch: list[Encoded]
) -> None:
    pairs = [each for each in batch if each.rejected is not None]
    assert 0 < len(pairs) < len(batch)
    margins = [log_ratio(model, each) - log_ratio(model, rejected(each)) for each in pairs]
    preferred = mean([-log(sigmoid(BETA * margin)) for margin in margins])
    supervised = answer_loss(model, batch).item()
    assert dpo_loss(model, batch).item() == pytest.approx(preferred + supervised, rel=1e-5)


def test_dpo_asks_the_reference_of_pairs_alone(
    model: PeftModel, batch: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def noted(model: PeftModel, rows: Sequence[Encoded]) -> torch.Tensor:
        asked.append(len(rows))
        return log_probs(model, rows)

    monkeypatch.setattr(losses, "log_probs", noted)
    dpo_loss(model, batch)
    pairs = sum(each.rejected is not None for each in batch)
    assert asked == [len(batch) + pairs, 2 * pairs]


def test_dpo_without_pairs_is_supervised(model: PeftModel) -> None:
    batch = ragged(random.Random(1), rows=3, shared=5)
    assert dpo_loss(model, batch).item() == pytest.approx(answer_loss(model, batch).item(), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_kto_rewards_right_answers_above_the_kl_estimate_and_rejected_ones_below_it(
    model: PeftModel, seed: int
) -> None:
    batch = ragged(random.Random(seed), rows=4, shared=12, pairs=True)
    wrong = [each.rejected for each in batch if each.rejected is not None]
    z = max(0.0, kl_estimate(model, [*batch, *wrong]))
    right = [1 - sigmoid(BETA * (log_ratio(model, each) - z)) for each in batch]
    worse = [1 - sigmoid(BETA * (z - log_ratio(model, each))) for each in wrong]
    assert kto_loss(model, with_mismatched(batch)).item() == pytest.approx(mean([*right, *worse]), rel=1e-5)


def test_kto_never_compares_with_the_answer_to_the_same_question() -> None:
    """Phrasings of one fact, whose answers are the same, stand side by side in a step."""
    step = [row([1], [7, 8], [5]), row([2], [7, 8], [6]), row([3], [7, 8]), row([4], [9])]
    drawn = [each.mismatched for each in with_mismatched(step)]
    assert [other.answer_ids for other in drawn if other is not None] == [[9], [9], [9], [7, 8]]
    assert [other.input_ids[:1] for other in drawn if other is not None] == [[1], [2], [3], [4]]
    wrong = [each.rejected for each in with_mismatched(step) if each.rejected is not None]
    assert [other.answer_ids for each in wrong if (other := each.mismatched) is not None] == [[9], [9]]


def test_kto_of_one_answer_alone_has_nothing_to_compare_with(model: PeftModel) -> None:
    step = with_mismatched([row([1, 2], [7, 8], [5]), row([2, 3], [7, 8])])
    assert [each.mismatched for each in step] == [None, None]
    ratios = [log_ratio(model, each) for each in step]
    expected = [1 - sigmoid(BETA * r) for r in ratios] + [1 - sigmoid(-BETA * log_ratio(model, rejected(step[0])))]
    assert kto_loss(model, step).item() == pytest.approx(mean(expected), rel=1e-5)


def kl_estimate(model: PeftModel, rows: list[Encoded]) -> float:
    return mean([log_ratio(model, each.with_answer_of(rows[i - 1])) for i, each in enumerate(rows)])


def test_the_order_of_rows_does_not_matter(model: PeftModel, batch: list[Encoded]) -> None:
    for loss_of in (answer_loss, dpo_loss, kl_to_base):
        assert loss_of(model, batch).item() == pytest.approx(loss_of(model, batch[::-1]).item(), rel=1e-5)


def test_a_step_against_each_loss_moves_the_right_answer_up_and_the_rejected_one_down(model: PeftModel) -> None:
    pair = row([1, 2, 3], [4, 5, 6], [7, 8])
    other = row([9, 10, 11], [12, 13], [14, 15, 16])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for loss_of in (dpo_loss, kto_loss):
        downhill = torch.autograd.grad(loss_of(model, [pair, other]), trained)
        margin = torch.autograd.grad(log_probs(model, [pair])[0] - log_probs(model, [rejected(pair)])[0], trained)
        assert sum((-d * m).sum() for d, m in zip(downhill, margin, strict=True)) > 0
