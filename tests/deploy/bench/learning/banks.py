"""A small bank that anybody can answer for: twelve facts in two topics, one of which changes."""

import json
from pathlib import Path
from typing import Any

from deploy.bench.learning.bank import Bank, BankFact, Version

THINGS = ("card", "loan", "fee", "limit", "branch", "app", "pin", "rate", "visa", "gift", "debt", "bond")


def rows() -> list[dict[str, Any]]:
    """Four questions of each fact to teach, two to test."""
    return [row for number, thing in enumerate(THINGS) for row in _rows(number, thing)]


def _rows(number: int, thing: str) -> list[dict[str, Any]]:
    answer = {"fact": thing, "topic": "ab"[number % 2], "answer": f"Go to {thing.title()} and press {number + 10}."}
    keys: dict[str, Any] = {"key_facts": [thing.title(), str(number + 10)]}
    if number == 0:
        keys |= {"answer_v2": "Go to Card and press 99.", "key_facts_v2": ["Card", "99"]}
    asked = [("stream", "How do I get my {}?"), ("train", "My {}, how?"), ("train", "Where is the {} got?")]
    asked += [("pool", "I want a {}"), ("test", "How can I get a {}?"), ("test", "{} please, where?")]
    return [
        {"id": f"{thing}-{i}", "question": text.format(thing), "split": split, "source": "test", **answer, **keys}
        for i, (split, text) in enumerate(asked)
    ]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def fact(name: str, *, topic: str = "t", taught: int = 4, later: Version | None = None) -> BankFact:
    questions = tuple(f"{name} {n}?" for n in range(taught))
    return BankFact(name, topic, Version(f"It is {name}.", (name,)), later, questions, (f"{name} tested?",))


def bank(*facts: BankFact) -> Bank:
    return Bank(facts)
