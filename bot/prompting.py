"""The prompt, laid out for training and serving alike: instructions, documents, earlier turns, question.

What stays the same comes first, so that it can be computed once. Knows nothing of tokens or chat templates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.conversation import Speaker, Turn

INSTRUCTIONS = (
    "You are a support assistant. Answer the customer's question in a few sentences, using only the help text. "
    "Keep its wording, numbers and menu names."
)
ASKER = "The customer uses {what}."
CLOSED_BOOK = "You are a support assistant. Answer the customer's question in a few sentences."
MAX_EARLIER_TURNS = 4
MAX_PASSAGE_CHARS = 1_600
MAX_TURN_CHARS = 600


@dataclass(frozen=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Passage:
    """A piece of text that an answer may be written from."""

    title: str
    text: str


def grounded_prompt(
    question: str, passages: Sequence[Passage], earlier: Sequence[Turn] = (), style: str = "", asker: str = ""
) -> list[Message]:
    """Ask for an answer from the passages. Long passages and turns are cut; instructions and question never are.

    `style`: further instructions, the same for all; `asker`: what is known of who asks, last for it differs.
    """
    texts = "\n\n".join(f"{p.title}\n{p.text[:MAX_PASSAGE_CHARS]}" for p in passages)
    told = f"{INSTRUCTIONS} {style}".strip()
    known = f"\n\n{asker}" if asker else ""
    system = Message("system", f"{told}\n\nHelp text:\n{texts}{known}")
    return [system, *_as_messages(earlier), Message("user", question)]


def describe_asker(plan: str, product: str) -> str:
    """What the prompt says of who asks; empty where nothing is known."""
    what = " on the plan ".join(part for part in (product or (plan and "the product"), plan) if part)
    return ASKER.format(what=what) if what else ""


def closed_book_prompt(question: str) -> list[Message]:
    """Ask for an answer from the weights alone: how training teaches a fact, and how it is judged."""
    return [Message("system", CLOSED_BOOK), Message("user", question)]


def _as_messages(earlier: Sequence[Turn]) -> list[Message]:
    recent = earlier[-MAX_EARLIER_TURNS:]
    return [
        Message("user" if turn.speaker is Speaker.PERSON else "assistant", turn.text[:MAX_TURN_CHARS])
        for turn in recent
    ]
