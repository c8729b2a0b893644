"""What an earlier process posted is known by its words, also where it filled in what this one doesn't know."""

import pytest

from connectors.discord.finding import _saying


@pytest.mark.parametrize(
    ("words", "posted", "is_it"),
    [
        ("It went to <EMAIL_1>.", "It went to a@b.example.", True),
        ("It went to <EMAIL_1>.", "It went to <EMAIL_1>.", True),
        ("It went to <EMAIL_1>.", "It went to somebody\nelse.", False),
        ("It went to <EMAIL_1>.", "It goes to a@b.example.", False),
        ("Open Plans (all).", "Open Plans (all).", True),
        ("Open Plans.", "Open Plans!", False),
    ],
)
def test_words_are_the_same_but_for_what_was_filled_in(words: str, posted: str, is_it: bool) -> None:
    assert bool(_saying(words).fullmatch(posted)) is is_it
