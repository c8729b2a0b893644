"""What an earlier process posted is known by its words, also where it filled in what this one doesn't know."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.ids import OutgoingId, new_id
from connectors.discord import finding
from connectors.discord.finding import Finding, _saying


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


def answered_with(status: int) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="")
    return discord.HTTPException(response, None)


@pytest.mark.parametrize(
    ("ends_with", "may_stand"),
    [
        (None, False),
        (discord.RateLimited(60.0), False),
        (answered_with(403), False),
        (answered_with(503), True),
        (TimeoutError(), True),
    ],
)
def test_what_was_taken_or_refused_is_not_looked_for(ends_with: Exception | None, may_stand: bool) -> None:
    known, meant = fresh(), OutgoingId(new_id())
    assert not known.may_stand_there(meant)
    try_once(known, meant, ends_with)
    assert known.may_stand_there(meant) is may_stand


def test_a_refusal_says_nothing_of_what_an_earlier_attempt_left() -> None:
    known, unclear, in_part = fresh(), OutgoingId(new_id()), OutgoingId(new_id())
    try_once(known, unclear, TimeoutError())
    try_once(known, unclear, answered_with(403))
    assert known.may_stand_there(unclear)
    known.posted(1, in_part, 0)  # the first of two pieces
    try_once(known, in_part, answered_with(403))
    assert known.may_stand_there(in_part)


def test_what_is_given_up_is_forgotten_in_time_and_what_is_tried_again_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MAX_REMEMBERED", 3)
    known, ids = fresh(), [OutgoingId(new_id()) for _ in range(6)]
    for each in ids:
        try_once(known, each, TimeoutError())
        try_once(known, ids[0], TimeoutError())
    assert [known.may_stand_there(each) for each in ids] == [True, False, False, False, True, True]


def fresh() -> Finding:
    """Of a process that began before anything here was meant."""
    return Finding(started_at=discord.utils.utcnow() - timedelta(minutes=1))


def try_once(known: Finding, meant: OutgoingId, ends_with: Exception | None) -> None:
    try:
        with known.trying(meant):
            if ends_with is not None:
                raise ends_with
    except (discord.DiscordException, TimeoutError) as problem:
        assert problem is ends_with  # noqa: PT017  # it is passed on
