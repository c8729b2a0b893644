"""Which adapter serves, by replaying the history of promotions and rollbacks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ids import AdapterId
from bot.lineage import Deployment, Move, on_trial, serving_stack

NOW = datetime(2026, 1, 1, tzinfo=UTC)
moves = st.lists(st.one_of(st.none(), st.sampled_from(("a", "b", "c"))))


def replay(names: list[str | None]) -> list[AdapterId | None]:
    """None stands for a rollback."""
    return serving_stack(
        Deployment(Move.PROMOTE if name else Move.ROLLBACK, AdapterId(name) if name else None, "x", NOW)
        for name in names
    )


@given(moves)
def test_a_rollback_after_a_promotion_restores_what_served_before(names: list[str | None]) -> None:
    assert replay([*names, "new", None]) == replay(names)


@given(moves)
def test_the_base_model_always_lies_below(names: list[str | None]) -> None:
    assert replay(names)[0] is None
    assert replay([*names, *[None] * (len(names) + 1)]) == [None]


@given(moves, st.sampled_from(("a", "b", "c")))
def test_what_was_withdrawn_never_serves_unless_it_is_promoted_again(names: list[str | None], gone: str) -> None:
    history = [Deployment(Move.PROMOTE if n else Move.ROLLBACK, AdapterId(n) if n else None, "x", NOW) for n in names]
    stack = serving_stack([*history, Deployment(Move.WITHDRAW, AdapterId(gone), "x", NOW)])
    assert stack == [adapter for adapter in replay(names) if adapter != gone]


@given(moves)
def test_a_trial_changes_nothing_of_what_serves_and_a_rollback_only_ends_it(names: list[str | None]) -> None:
    before = [Deployment(Move.PROMOTE if n else Move.ROLLBACK, AdapterId(n) if n else None, "x", NOW) for n in names]
    trial = Deployment(Move.TRIAL, AdapterId("new"), "x", NOW, share=0.1)
    back = Deployment(Move.ROLLBACK, None, "x", NOW)
    assert on_trial([*before, trial]) == trial
    assert on_trial([*before, trial, back]) is None
    assert serving_stack([*before, trial]) == serving_stack([*before, trial, back]) == replay(names)


@pytest.mark.parametrize(
    ("move", "adapter", "goes_on"),
    [
        (Move.PROMOTE, "new", False), (Move.PROMOTE, "other", False), (Move.WITHDRAW, "new", False),
        (Move.WITHDRAW, "other", True),
    ],
)  # fmt: skip
def test_what_ends_a_trial(move: Move, adapter: str, goes_on: bool) -> None:
    trial = Deployment(Move.TRIAL, AdapterId("new"), "x", NOW, share=0.1)
    history = [trial, Deployment(move, AdapterId(adapter), "x", NOW)]
    assert (on_trial(history) == trial) == goes_on


@given(moves)
def test_the_last_promotion_serves(names: list[str | None]) -> None:
    assert replay([*names, "new"])[-1] == "new"
