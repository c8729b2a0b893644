"""Who waits, who is turned away, and who goes away."""

import asyncio
import threading

import pytest

from bot.errors import Busy
from bot.generation import Sampling
from learning.serving.decoding import MAX_ROWS
from learning.serving.engine import Engine
from tests.contracts.generator_contract import PROMPT

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


async def test_more_than_the_queue_holds_are_turned_away(
    engine: Engine, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._versions, "max_waiting", 3)
    waiting = [asyncio.create_task(engine.generate(PROMPT, Sampling(8))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="3 answers"):
        await engine.generate(PROMPT, Sampling(8))
    held.set()
    assert len({generation.text for generation in await asyncio.gather(*waiting)}) == 1
    assert (await engine.generate(PROMPT, Sampling(2))).text


async def test_the_queue_is_as_short_before_the_first_model_is_loaded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._versions, "max_waiting", 3)
    asked = await asyncio.gather(*(engine.generate(PROMPT, Sampling(2)) for _ in range(5)), return_exceptions=True)
    assert [isinstance(each, Busy) for each in asked] == [False, False, False, True, True]


def test_as_many_may_wait_as_are_written(engine: Engine) -> None:
    assert engine._versions.max_waiting == 2 * MAX_ROWS


async def test_cancelling_stops_the_generation(engine: Engine, held: threading.Event) -> None:
    begun = asyncio.Event()
    pieces: list[str] = []

    def on_text(piece: str) -> None:
        pieces.append(piece)
        begun.set()

    answering = asyncio.create_task(engine.generate(PROMPT, Sampling(2_000), on_text=on_text))
    await begun.wait()
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    said = len(pieces)
    held.set()
    # The thread would be busy for 2000 tokens if it hadn't stopped: the next request would wait for them.
    await engine.generate(PROMPT, Sampling(2))
    assert len(pieces) <= said + 1


async def test_a_request_that_is_cancelled_while_it_waits_is_never_begun(engine: Engine, held: threading.Event) -> None:
    first = asyncio.create_task(engine.generate(PROMPT, Sampling(8)))
    pieces: list[str] = []
    second = asyncio.create_task(engine.generate(PROMPT, Sampling(8), on_text=pieces.append))
    await asyncio.sleep(0)
    second.cancel()
    held.set()
    await first
    await engine.generate(PROMPT, Sampling(2))
    assert second.cancelled()
    assert pieces == []
