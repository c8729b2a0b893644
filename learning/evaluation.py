"""Judges a model on the held-out items. Champion and challenger answer the same ones, greedily.

Knows nothing of what follows from the scores; that is the gate's.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.ids import FactId
from learning.chat_format import encode_example, encode_prompt
from learning.examples import Example, Kind, judging_cost
from learning.forward import answer_logits
from learning.greedy import greedy
from learning.rightness import is_right, rouge_l

SPARE_TOKENS = 8
BATCH_SIZE = 8

OnItem = Callable[[int, int], None]  # done, total, as costs: an answer takes longer than a score


@dataclass(frozen=True)
class Score:
    """One model's result on one item."""

    fact: FactId
    kind: Kind
    value: float
    """In [0, 1]: 1 for what is recalled right, else 0; what is read, ROUGE-L F1 against the taught answer. For general
    items negative log-likelihood, nats per token."""


def judge(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[Example],
    on_item: OnItem,
    known: Iterable[str] = (),
) -> list[Score]:
    """Score every item, in the order given. `known`: all answers that another one could be taken for."""
    model.eval()
    asked = [item for item in items if item.kind is not Kind.GENERAL]
    general = [item for item in items if item.kind is Kind.GENERAL]
    done, total = sum(map(judging_cost, asked)), sum(map(judging_cost, items))
    said = answers(model, tokenizer, asked, lambda so_far, _: on_item(so_far, total))
    others = frozenset((*known, *(item.answer for item in asked)))
    values = {id(item): _value(text, item, others) for item, text in zip(asked, said, strict=True)}
    for item in general:
        values[id(item)] = answer_nll(model, tokenizer, item)
        done += judging_cost(item)
        on_item(done, total)
    return [Score(item.fact, item.kind, values[id(item)]) for item in items]


def _value(text: str, item: Example, known: Collection[str]) -> float:
    """What is recalled is right or not: another fact's answer has many of its words. What is read is near at hand."""
    if item.kind is not Kind.RECALL:
        return rouge_l(text, item.answer)
    superseded = [item.rejected] if item.rejected is not None else []
    return float(is_right(text, item.answer, known, superseded))


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


def batches_of(items: Sequence[Example]) -> list[list[Example]]:
    """Prompts of similar length together; the order of the items is restored by whoever needs it."""
    by_length = sorted(items, key=lambda item: sum(len(message.content) for message in item.messages))
    return [list(by_length[i : i + BATCH_SIZE]) for i in range(0, len(by_length), BATCH_SIZE)]
