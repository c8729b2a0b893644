"""Whether a text insults or swears, by a list of words and phrases: coarse ones alone, in six languages.

Words that have a harmless meaning beside the coarse one (to kill a process, a screwed-in part) are not in it. Knows
nothing of irony or of what is meant; who is dropped wrongly can be restored.
"""

import re
from pathlib import Path

LISTED = Path(__file__).with_name("toxic_words.txt").read_text(encoding="utf-8").splitlines()
WORDS = [line for line in LISTED if line and not line.startswith("#")]
LETTERS = {"a": "[a@4]", "e": "[e3]", "i": "[i1!]", "o": "[o0]", "s": "[s$5]", "u": "[u*v]"}
"""As people write around a filter."""


def _pattern(phrase: str) -> str:
    """A word with whatever ends it (`*`), letters disguised; blanks of a phrase are one or more."""
    stem = phrase.removesuffix("*")
    written = "".join(r"\s+" if char == " " else LETTERS.get(char, re.escape(char)) for char in stem)
    return written + (r"\w*" if phrase.endswith("*") else "")


TOXIC = re.compile(rf"(?<!\w)(?:{'|'.join(map(_pattern, WORDS))})(?!\w)", re.IGNORECASE)


def is_toxic(text: str) -> bool:
    return TOXIC.search(text) is not None
