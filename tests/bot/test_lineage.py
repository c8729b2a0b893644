"""Which adapter serves, by replaying the history of promotions and rollbacks."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.ids import AdapterId
from bot.lineage import Deployment, Move, serving_stack

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
def test_the_last_promotion_serves(names: list[str | None]) -> None:
    assert replay([*names, "new"])[-1] == "new"
