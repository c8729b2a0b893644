"""What of an unfinished answer is shown: nothing that would not pass as the answer, one call at a time, never late."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import drafting as drafting_module
from bot.drafting import CheckedText, Drafting, finished_sentences
from bot.support import support

SOURCE = "Payouts arrive on Tuesdays. In Norway they arrive on Fridays. They cost 2 euros each."
WORDS = st.sampled_from([*SOURCE.split(), "tomorrow.", "free", "3", "e.g.", "Ask!", "a:b", "\n"])


def shown_of(text: str, sizes: list[int] | None = None) -> list[str]:
    """All that is shown of a text while it arrives in pieces."""
    shown: list[str] = []
    written = ""

    def show(piece: str) -> None:
        nonlocal written
        written += piece
        shown.append(written)

    checked = CheckedText([SOURCE], 0.8, show)
    for size in sizes or [1] * len(text):
        checked(text[:size])
        text = text[size:]
    checked(text)
    return shown


def test_whole_sentences_are_shown_as_they_come() -> None:
    assert shown_of("Payouts arrive on Tuesdays. In Norway they arrive on Fridays. They") == [
        "Payouts arrive on Tuesdays.",
        "Payouts arrive on Tuesdays. In Norway they arrive on Fridays.",
    ]


def test_what_the_source_does_not_bear_out_is_never_shown() -> None:
    assert shown_of("Payouts cost 3 euros. They arrive on Tuesdays. And") == []
    assert shown_of("Payouts arrive on Tuesdays. They take 5 hours. And") == ["Payouts arrive on Tuesdays."]


def test_a_number_may_still_go_on_behind_its_point() -> None:
    assert finished_sentences("It costs 9.") == ""
    assert finished_sentences("It costs 9.50 a month. And") == "It costs 9.50 a month."


@given(st.lists(WORDS, max_size=25).map(" ".join), st.lists(st.integers(1, 12), max_size=30))
def test_all_that_is_shown_would_pass_as_the_answer(text: str, sizes: list[int]) -> None:
    shown = shown_of(text, sizes)
    for part in shown:
        assert support(part, [SOURCE]) >= 0.8
        assert text.lstrip().startswith(part)
        assert part[-1] in ".!?:"
    assert [len(part) for part in shown] == sorted({len(part) for part in shown})


class Slow:
    """A platform that takes a draft when it is let."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.busy = 0
        self.most = 0
        self.gate = asyncio.Event()

    async def send(self, text: str) -> None:
        self.busy += 1
        self.most = max(self.most, self.busy)
        await self.gate.wait()
        self.taken.append(text)
        self.busy -= 1


async def test_one_call_at_a_time_and_the_newest_text_wins() -> None:
    slow = Slow()
    drafting = Drafting(slow.send)
    for text in ("", "One.", "One. Two.", "One. Two. Three."):
        drafting.show(text)
        await asyncio.sleep(0)
    slow.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    await drafting.end()
    assert (slow.taken, slow.most) == (["", "One. Two. Three."], 1)


async def test_nothing_is_on_its_way_any_more_at_the_end() -> None:
    slow = Slow()
    drafting = Drafting(slow.send)
    drafting.show("")
    await asyncio.sleep(0)
    drafting.show("One.")
    ending = asyncio.create_task(drafting.end())
    await asyncio.sleep(0)
    assert not ending.done()
    slow.gate.set()
    await ending
    drafting.show("One. Two.")
    await asyncio.sleep(0)
    assert (slow.taken, slow.busy) == ([""], 0)


async def test_a_platform_that_fails_is_left_alone() -> None:
    calls = 0

    async def broken(_: str) -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError

    drafting = Drafting(broken)
    for text in ("", "One.", "One. Two."):
        drafting.show(text)
        await asyncio.sleep(0)
    await drafting.end()
    assert calls == 1


async def test_an_answer_waits_a_while_for_its_draft_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting_module, "PATIENCE_S", 0.01)
    slow = Slow()
    drafting = Drafting(slow.send)
    drafting.show("One.")
    await asyncio.sleep(0)
    await drafting.end()
    assert slow.taken == []
