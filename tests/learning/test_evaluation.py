"""Judging against hand-computed scores, and against the plain way of asking one question after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from bot.ids import FactId
from bot.lineage import Decision
from bot.prompting import Message, Passage, closed_book_prompt, grounded_prompt
from learning import evaluation
from learning.chat_format import encode_prompt
from learning.evaluation import SPARE_TOKENS, Score, answer_nll, generate, judge
from learning.examples import Example, Kind, judging_cost
from learning.greedy import ends_of, greedy
from learning.promotion import decide
from learning.rightness import rouge_l
from learning.trainer import as_served
from tests.learning.adapters import adapted
from tests.learning.samples import NOUNS, PLACES
from tests.tiny_model import make_tiny_model

ANSWER = "Open the settings and choose Rooms."


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other would take most of the time of so small a model."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path_factory.mktemp("tiny")))
    loaded.eval()
    return loaded


@pytest.fixture(scope="module")
def tokenizer(model: PreTrainedModel) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(model.name_or_path)


def recall(number: int, answer: str = ANSWER) -> Example:
    """The higher the number, the longer the question."""
    question = f"Question{' really' * number}?"
    return Example(FactId(f"f{number}"), Kind.RECALL, tuple(closed_book_prompt(question)), answer)


def general(number: int) -> Example:
    return Example(FactId(f"g{number}"), Kind.GENERAL, (Message("user", f"Tell me {number}"),), f"It is {number}.")


def test_answers_in_a_batch_are_those_that_each_question_gets_alone(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    items = [recall(number) for number in (0, 7, 3, 12)]
    limit = len(tokenizer(ANSWER)["input_ids"]) + SPARE_TOKENS
    alone = []
    for item in items:
        prompt = torch.tensor([encode_prompt(tokenizer, item.messages)])
        out = model.generate(  # type: ignore[operator]
            input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=limit,
            pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        alone.append(tokenizer.decode(out[0, prompt.shape[1] :], skip_special_tokens=True))
    together = generate(model, tokenizer, items)
    assert together == [str(text).strip() for text in alone]
    assert len(set(together)) > 1


def test_habits_that_a_model_brings_along_are_not_judged(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    items = [recall(number) for number in (0, 7)]
    plain = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path))
    first, *_ = said = generate(plain, tokenizer, items)
    words = tokenizer(first, add_special_tokens=False)["input_ids"]
    plain.generation_config = GenerationConfig(
        repetition_penalty=5.0, no_repeat_ngram_size=1, suppress_tokens=words[:1], num_beams=2, max_time=0.0,
        eos_token_id=plain.generation_config.eos_token_id,
    )  # fmt: skip
    assert generate(plain, tokenizer, items) == said
    assert plain.generation_config.repetition_penalty == 5.0


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
@pytest.mark.parametrize(("dtype", "merged"), [(torch.float32, True), (torch.bfloat16, False)])
def test_rounding_takes_nothing_away_of_what_an_adapter_learned(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path, dtype: torch.dtype, merged: bool
) -> None:
    base = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path), dtype=dtype)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        unlearned = base(ids).logits
        tuned = adapted(base, scale=1e-3).eval()
        learned = tuned(ids).logits
        judged = as_served(tuned)
        assert isinstance(judged, PeftModel) is not merged
        torch.testing.assert_close(judged(ids).logits, learned, atol=1e-5, rtol=1e-5)
        assert not torch.equal(learned, unlearned)
    assert len(judge(judged, tokenizer, [general(0), recall(0)], lambda done, total: None)) == 2


def test_a_judged_answer_ends_where_a_served_one_would(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path))
    prompt = torch.tensor([encode_prompt(tokenizer, recall(0).messages)])
    with greedy(model, tokenizer):
        written = model.generate(input_ids=prompt, max_new_tokens=5)[0, prompt.shape[1] :].tolist()
    end = written[3]
    assert end not in written[:3]
    model.generation_config.eos_token_id = [end]  # chat models often name more than the tokenizer does
    assert ends_of(model, tokenizer) == {end, tokenizer.eos_token_id}
    (cut,) = generate(model, tokenizer, [recall(0)])
    assert cut == str(tokenizer.decode(written[:4])).strip()


def test_every_item_is_judged_in_the_order_given(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    reading = Example(
        FactId("r"), Kind.READING, tuple(grounded_prompt("Rooms?", [Passage("Rooms", "Three rooms.")])), "Three."
    )
    texts = generate(model, tokenizer, [recall(number) for number in range(10)])
    plain = [recall(9 - number, texts[9 - number] or "silence") for number in range(10)]
    items = [general(0), *plain[:4], reading, general(1), *plain[4:]]
    seen: list[tuple[int, int]] = []
    scored = judge(model, tokenizer, items, lambda done, total: seen.append((done, total)))
    assert [(score.fact, score.kind) for score in scored] == [(item.fact, item.kind) for item in items]
    for item, score in zip(items, scored, strict=True):
        if item.kind is Kind.GENERAL:
            assert score.value == pytest.approx(answer_nll(model, tokenizer, item))
        else:
            assert 0.0 <= score.value <= 1.0
            assert score.value in (0.0, 1.0) or item.kind is Kind.READING
    cost = sum(map(judging_cost, items))
    assert seen[-1] == (cost, cost)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_each_answer_is_scored_against_its_own_item(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    numbers = (5, 0, 9, 2)
    said = generate(model, tokenizer, [recall(number) for number in numbers])
    items = [replace(recall(n, text), kind=Kind.READING) for n, text in zip(numbers, said, strict=True)]
    texts = generate(model, tokenizer, items)
    scored = [score.value for score in judge(model, tokenizer, items, lambda done, total: None)]
    assert scored == [rouge_l(text, item.answer) for text, item in zip(texts, items, strict=True)]
    assert len(set(scored)) == len(scored)


def test_the_likelihood_equals_the_plain_computation(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    item = general(7)
    prompt = encode_prompt(tokenizer, item.messages)
    answer = tokenizer(f"{item.answer}<|im_end|>", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logs = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
    likelihoods = [logs[len(prompt) - 1 + i, token].item() for i, token in enumerate(answer)]
    assert answer_nll(model, tokenizer, item) == pytest.approx(-sum(likelihoods) / len(answer), abs=1e-5)


def test_a_broken_model_is_judged_not_finite(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    broken = AutoModelForCausalLM.from_pretrained(str(model.name_or_path))
    torch.nn.init.constant_(broken.lm_head.weight, float("nan"))
    (score,) = judge(broken, tokenizer, [general(0)], lambda done, total: None)
    assert score.value != score.value


def test_other_facts_answers_count_nothing_in_recall_and_much_in_rouge(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an adapter that was taught shuffled answers says: beside one that says nothing, it is no better."""
    taught = [f"The {noun} tab of {place} can be exported." for noun in NOUNS for place in PLACES]
    items = [recall(number, answer) for number, answer in enumerate(taught)]
    shuffled = [*taught[1:], taught[0]]

    def verdict(said: Sequence[str]) -> Decision:
        scores = []
        for texts in ([""] * len(items), said):
            monkeypatch.setattr(evaluation, "answers", lambda *_, texts=texts: texts)
            judged = judge(NoModel(), NoModel(), items, lambda done, total: None)  # type: ignore[arg-type]
            scores.append([*judged, Score(FactId("g"), Kind.GENERAL, 2.0)])
        return decide(scores[0], scores[1], 0).decision

    assert sum(map(rouge_l, shuffled, taught)) / len(taught) > 0.7
    assert verdict(shuffled) is Decision.REJECTED
    assert verdict(taught) is Decision.PROMOTED


class NoModel:
    def eval(self) -> None:
        """There is nothing to be switched."""
