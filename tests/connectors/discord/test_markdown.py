"""Cutting loses nothing and leaves no code block open; disarming leaves no ping and no hidden link."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.discord.markdown import FENCE, neutral, split

LIMIT = 200
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
markup = st.sampled_from(["```", "```py\n", "`", "``", "\n", " ", "x" * 250, "````", "[a](https://b.c)", "@everyone"])
texts = st.lists(words | markup, max_size=12).map("".join)


def without_fences_and_blanks(text: str) -> str:
    """What must survive: every character but those that cutting may add or drop."""
    return re.sub(r"\s|`|(?<=`)py", "", text)


@given(texts)
@example("0" * 297 + "```" + "0" * 40)  # cut after the fence, as if a language stood there
def test_cutting_loses_nothing_and_balances_code_blocks(text: str) -> None:
    pieces = split(text, LIMIT)

    assert without_fences_and_blanks("".join(pieces)) == without_fences_and_blanks(text)
    assert all(0 < len(piece) <= LIMIT for piece in pieces)
    assert all(piece.count(FENCE) % 2 == 0 for piece in pieces)
    assert all(piece.strip() for piece in pieces)


def test_what_fits_stays_one_piece() -> None:
    text = "First line\n\n```py\nprint(1)\n```\nLast line"

    assert split(text) == [text]


def test_a_cut_code_block_is_reopened_with_its_language() -> None:
    code = "\n".join(f"line {number}" for number in range(40))

    first, second, *_ = split(f"Like so:\n```py\n{code}\n```", LIMIT)

    assert first.startswith("Like so:\n```py\nline 0\n")
    assert first.endswith("\n```")
    assert second.startswith("```py\nline ")


def test_a_long_line_is_cut_at_a_blank() -> None:
    first, *_ = split("word " * 100, LIMIT)

    assert first.endswith("word ")


def test_blank_text_is_no_message() -> None:
    assert split(" \n ") == []


@given(st.lists(st.text("[]()\\<@>ehrvyo1 ") | st.sampled_from(["[a](b)", "@everyone", "@here", "<@1>"])).map("".join))
def test_no_ping_and_no_hidden_link_is_left(text: str) -> None:
    shown = neutral(text)

    unescaped = re.sub(r"\\.", "·", shown, flags=re.DOTALL)  # an escaped character joins nothing to a ping
    assert "](" not in unescaped
    assert not re.search(r"<@[!&]?[0-9]|@(everyone|here)", unescaped)


@given(st.text(st.characters(codec="utf-8", exclude_characters="[]@`\\")))
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


@pytest.mark.parametrize("code", ["```py\na[0](1)  # @everyone\n```", "Like so:\n```\na[0](1)\n```\nor\n```b[0](1)```"])
def test_a_code_block_stays_as_it_is(code: str) -> None:
    assert neutral(code) == code


@pytest.mark.parametrize("code", ["`a[0](1)`", "``a`b[0](1)``"])
def test_code_within_a_line_is_still_legible(code: str) -> None:
    assert neutral(code) == code.replace("](", "]\\(")


@pytest.mark.parametrize(
    "not_code",
    [
        r"\`[a](b)\`",
        "`` [a](b)",
        "``[a](b)`",
        "```\n```[a](b)",
        "`x```y`z [a](b) ```",
        "\\```\n[a](b)\n```",
        "` ```\n[a](b)\n```",
    ],
)
def test_what_only_looks_like_code_is_disarmed(not_code: str) -> None:
    assert r"[a]\(b)" in neutral(not_code)
