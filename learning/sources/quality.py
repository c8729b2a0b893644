"""How much an entry looks like a good question with a good answer. It orders; it drops nothing.

The score is the share of simple signs that are there. They are plausible, not measured: use them to look at the best
first, and at the worst.
"""

import re

from learning.sources.items import FaqRow, Pair

ASKS = re.compile(
    r"\?|\b(?:how|what|where|when|why|who|which|can|could|do|does|is|are|wie|was|wo|wann|warum|kann|comment|pourquoi|"
    r"cómo|qué|dónde|come|perché|como|jak|gdzie)\b",
    re.IGNORECASE,
)
CONFIRMED = ("marked as the answer", "the asker thanked for it")
FAIR, GOOD = 0.5, 0.8


def quality_of(entry: FaqRow | Pair) -> float:
    """From 0 to 1."""
    asked, said = entry.question.split(), entry.answer.split()
    signs = [
        ASKS.search(entry.question) is not None,
        3 <= len(asked) <= 60,
        5 <= len(said) <= 200,
        not entry.answer.isupper() and not entry.question.isupper(),
        entry.answer.rstrip()[-1:] in '.!?:)`"”' if entry.answer.strip() else False,
    ]
    if isinstance(entry, Pair):
        signs += [entry.why in CONFIRMED] * 3  # whether it resolved anything says more than how it is written
    return sum(signs) / len(signs)


def grade(quality: float) -> str:
    return "good" if quality >= GOOD else "fair" if quality >= FAIR else "poor"
