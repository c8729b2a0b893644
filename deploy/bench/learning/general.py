"""What was forgotten of everything else: likelihood of good answers, and questions with given choices."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from bot.ids import FactId
from bot.prompting import Message
from deploy.bench.learning.figures import Figure, missing, share
from learning.chat_format import encode_example
from learning.evaluation import answer_nll
from learning.examples import Example, Kind
from learning.models import BaseModel
from learning.serving.merging import load_merged

CHOICE = re.compile(r"^([A-Z])[.)] ", re.MULTILINE)
"""Begins a line with one of the answers to choose from."""
LONGEST = 1_024
NO_FILE = "No --general file was given."
NO_CHOICES = "The --general file has no questions with given choices (A. …, B. …) whose answer is a letter."

Row = dict[str, Any]


@dataclass(frozen=True)
class General:
    """A sample of the rows."""

    texts: Sequence[Row]
    choices: Sequence[Row]


@dataclass(frozen=True)
class Scored:
    nll: Sequence[float]
    """Of each text, nats per token."""
    right: Sequence[bool]
    """Of each question with choices: the right letter is the likeliest of those given."""


def sample(rows: Sequence[Row], texts: int, choices: int) -> General:
    chosen, others = [row for row in rows if _has_choices(row)], [row for row in rows if not _has_choices(row)]
    return General(_some(others, texts), _some(chosen, choices))


def _some(rows: Sequence[Row], most: int) -> list[Row]:
    return [rows[i] for i in sorted(Random(0).sample(range(len(rows)), min(most, len(rows))))]


def _has_choices(row: Row) -> bool:
    letters = CHOICE.findall(row["question"])
    return len(letters) > 1 and row["answer"] in letters


def score(base: BaseModel, adapter: Path | None, general: General) -> Scored:
    model, tokenizer = load_merged(base, adapter), AutoTokenizer.from_pretrained(base.folder)
    texts = [Example(FactId(""), Kind.GENERAL, _prompt(row), row["answer"]) for row in general.texts]
    nll = [answer_nll(model, tokenizer, text) for text in texts]
    return Scored(nll, [_chosen(model, tokenizer, row) == row["answer"] for row in general.choices])


def _prompt(row: Row) -> tuple[Message, ...]:
    return (Message("user", row["question"]),)


@torch.inference_mode()
def _chosen(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, row: Row) -> str:
    """The letter that the answer would most likely begin with."""
    letters = CHOICE.findall(row["question"])
    rows = [encode_example(tokenizer, _prompt(row), letter, LONGEST) for letter in letters]
    prompt = rows[0].input_ids[: rows[0].prompt_length]
    logits = model(input_ids=torch.tensor([prompt], device=model.device)).logits[0, -1]
    scores = [float(logits[each.input_ids[each.prompt_length]]) for each in rows]
    return str(letters[scores.index(max(scores))])


def figures(before: Scored, after: Scored) -> dict[str, Figure]:
    """What the adapter changed, each text and question against itself."""
    worse = [(str(i), late - early) for i, (early, late) in enumerate(zip(before.nll, after.nll, strict=True))]
    better = [
        (str(i), int(late) - int(early)) for i, (early, late) in enumerate(zip(before.right, after.right, strict=True))
    ]
    nothing = NO_CHOICES if worse else NO_FILE
    return {
        "general_nll_delta": share(worse, NO_FILE),
        "general_accuracy": share([(str(i), right) for i, right in enumerate(after.right)], nothing),
        "general_accuracy_delta": share(better, nothing),
    }


def untold(reason: str) -> dict[str, Figure]:
    return dict.fromkeys(("general_nll_delta", "general_accuracy", "general_accuracy_delta"), missing(reason))
