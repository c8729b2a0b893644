"""Judges a model on the held-out items. Champion and challenger answer the same ones, greedily.

Knows nothing of what follows from the scores; that is the gate's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.ids import FactId
from bot.support import content_words
from learning.chat_format import encode_example, encode_prompt
from learning.examples import Example, Kind, judging_cost
from learning.forward import answer_logits
from learning.greedy import greedy

SPARE_TOKENS = 8
BATCH_SIZE = 8
RIGHT_FROM = 0.7
"""ROUGE-L from which an answer says what was taught."""

OnItem = Callable[[int, int], None]  # done, total, as costs: an answer takes longer than a score


@dataclass(frozen=True)
class Score:
    """One model's result on one item."""

    fact: FactId
    kind: Kind
    value: float
    """ROUGE-L F1 against the taught answer in [0, 1]; for general items negative log-likelihood, nats per token."""


def judge(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, items: Sequence[Example], on_item: OnItem
) -> list[Score]:
    """Score every item, in the order given."""
    model.eval()
    asked = [item for item in items if item.kind is not Kind.GENERAL]
    general = [item for item in items if item.kind is Kind.GENERAL]
    done, total = sum(map(judging_cost, asked)), sum(map(judging_cost, items))
    said = answers(model, tokenizer, asked, lambda so_far, _: on_item(so_far, total))
    values = {id(item): rouge_l(text, item.answer) for item, text in zip(asked, said, strict=True)}
    for item in general:
        values[id(item)] = answer_nll(model, tokenizer, item)
        done += judging_cost(item)
        on_item(done, total)
    return [Score(item.fact, item.kind, values[id(item)]) for item in items]


def answers(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, items: Sequence[Example], on_item: OnItem
) -> list[str]:
    """What the model says to every item, in the order given."""
    model.eval()
    done, total = 0, sum(map(judging_cost, items))
    said: dict[int, str] = {}
    for batch in batches_of(items):
        said |= zip(map(id, batch), generate(model, tokenizer, batch), strict=True)
        done += sum(map(judging_cost, batch))
        on_item(done, total)
    return [said[id(item)] for item in items]


@torch.inference_mode()
def generate(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, items: Sequence[Example]
) -> list[str]:
    """Greedy answers to a batch of prompts, each cut a little after where the longest right one would end."""
    longest_answer = max(len(tokenizer(item.answer)["input_ids"]) for item in items)
    prompts = [encode_prompt(tokenizer, item.messages) for item in items]
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros(len(prompts), longest, dtype=torch.long)
    for i, prompt in enumerate(prompts):  # padded on the left: the answers begin in the same column
        ids[i, longest - len(prompt) :] = torch.tensor(prompt)
        mask[i, longest - len(prompt) :] = 1
    with greedy(model, tokenizer):
        out = model.generate(  # type: ignore[operator]  # its type is lost behind a decorator
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=longest_answer + SPARE_TOKENS,
        )
    return [str(text).strip() for text in tokenizer.batch_decode(out[:, longest:], skip_special_tokens=True)]


@torch.inference_mode()
def answer_nll(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, item: Example) -> float:
    """Negative log-likelihood of the item's answer, nats per token."""
    logits, targets, _ = answer_logits(model, [encode_example(tokenizer, item.messages, item.answer, 1_024)])
    return float(F.cross_entropy(logits, targets))


def rouge_l(text: str, reference: str) -> float:
    """ROUGE-L F1 (Lin 2004) over lower-cased words: 1 is the reference word for word."""
    words, wanted = text.lower().split(), reference.lower().split()
    if not words or not wanted:
        return 0.0
    common = _longest_common_subsequence(words, wanted)
    return 2 * common / (len(words) + len(wanted))


def is_right(text: str, answer: str) -> bool:
    """True when a text says what was taught: nearly its words, and every number."""
    return rouge_l(text, answer) >= RIGHT_FROM and _numbers(text) == _numbers(answer)


def _numbers(text: str) -> set[str]:
    return {word for word in content_words(text) if any(map(str.isdigit, word))}


def _longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b):
            above = row[j + 1]
            row[j + 1] = diagonal + 1 if word == other else max(above, row[j])
            diagonal = above
    return row[-1]


def batches_of(items: Sequence[Example]) -> list[list[Example]]:
    """Prompts of similar length together; the order of the items is restored by whoever needs it."""
    by_length = sorted(items, key=lambda item: sum(len(message.content) for message in item.messages))
    return [list(by_length[i : i + BATCH_SIZE]) for i in range(0, len(by_length), BATCH_SIZE)]
