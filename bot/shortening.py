"""Texts cut to what there is room for. Knows nothing of what they say, or of any platform's markup."""

MAX_CHARS = 300
"""Of a question or an answer that is quoted within another text."""


def shorten(text: str, most: int = MAX_CHARS) -> str:
    """On one line, of at most `most` characters. (textwrap's function of this name keeps nothing of a long text without
    blanks, such as a Chinese one.)"""
    return cut(" ".join(text.split()), most)


def cut(text: str, most: int) -> str:
    """At most `most` characters, the last of them "…" where something is missing."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
