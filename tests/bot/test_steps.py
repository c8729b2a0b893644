"""Numbered steps are told whole."""

from hypothesis import given
from hypothesis import strategies as st

from bot.steps import has_steps, to_the_end

PAGE = """[desktop]
1. Hover over a stream.
2. Click on the ellipsis.
3. Click Unpin.
[mobile]
1. Press and hold a stream.
2. Tap Unpin.
Note: it stays subscribed."""


def test_a_text_that_ends_with_a_step_goes_on_to_the_last_one() -> None:
    told = to_the_end("Like this:\n1. Hover over a stream.", PAGE)
    assert told == "Like this:\n1. Hover over a stream.\n2. Click on the ellipsis.\n3. Click Unpin."


def test_a_step_that_was_cut_off_or_lost_its_number_is_told_in_full() -> None:
    assert to_the_end("Press and hold", PAGE) == "1. Press and hold a stream.\n2. Tap Unpin."


def test_what_ends_otherwise_stays() -> None:
    for text in ("1. Hover over a stream.\nThen you are done.", "Note: it stays subscribed.", ""):
        assert to_the_end(text, PAGE) == text


def test_one_number_alone_is_no_procedure() -> None:
    assert has_steps(PAGE)
    assert not has_steps("1. January is a holiday.\nSo is the second.")
    assert not has_steps("Open Settings. It takes 2. minutes.")


@given(st.text(), st.lists(st.text("ab c1.", min_size=1).filter(str.strip), min_size=2, max_size=5))
def test_nothing_but_the_source_is_added(text: str, lines: list[str]) -> None:
    source = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
    told = to_the_end(text, source)
    assert told == text or all(line in source for line in told.splitlines()[len(text.rstrip().splitlines()) :])


@given(st.text())
def test_a_text_without_any_steps_to_go_on_with_stays(text: str) -> None:
    assert to_the_end(text, "Open Settings.") == text
