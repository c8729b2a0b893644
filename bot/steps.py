"""Numbered steps are told whole: half of a procedure leads nowhere. Knows nothing of who wrote the half."""

import re
from collections.abc import Sequence
from itertools import groupby

from bot.support import words

_STEP = re.compile(r"\s*(\d{1,2})[.)]\s+(.*\S)")


def has_steps(text: str) -> bool:
    return bool(_procedures(text))


def to_the_end(text: str, source: str) -> str:
    """A text that ends with a step of its source, or with the beginning of one, goes on with the steps after it."""
    before, newline, last = text.rstrip().rpartition("\n")
    for steps in _procedures(source):
        for at, step in enumerate(steps):
            if _begins(last, step):
                return f"{before}{newline}" + "\n".join(steps[at:])
    return text


def _procedures(source: str) -> list[Sequence[str]]:
    """The numbered lists: lines that stand together and count up."""
    lines = source.splitlines()
    runs = (list(lines) for is_step, lines in groupby(lines, lambda line: _STEP.match(line) is not None) if is_step)
    return [[line.strip() for line in run] for run in runs if len(run) > 1]


def _begins(said: str, step: str) -> bool:
    """True where what was said is the step, or its beginning where the text was cut off."""
    told, whole = words(_without_number(said)), words(_without_number(step))
    return bool(told) and whole[: len(told)] == told


def _without_number(line: str) -> str:
    found = _STEP.match(line)
    return found[2] if found is not None else line
