"""Texts that are quoted stay on one line and within the room that there is."""

from hypothesis import given
from hypothesis import strategies as st

from bot.shortening import shorten


def test_what_fits_is_said_whole_on_one_line() -> None:
    assert shorten("Can I\n  pause?", most=12) == "Can I pause?"


def test_what_does_not_fit_ends_in_an_ellipsis_within_the_room() -> None:
    assert shorten("Can I pause?", most=11) == "Can I paus…"


def test_of_a_text_without_blanks_its_beginning_stays() -> None:
    assert shorten("请问我可以暂停订阅吗", most=5) == "请问我可…"


@given(st.text(), st.integers(1, 40))
def test_it_is_one_line_of_at_most_so_many_characters(text: str, most: int) -> None:
    shown = shorten(text, most)
    assert len(shown) <= most
    assert len(shown.splitlines()) <= 1
