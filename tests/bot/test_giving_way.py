"""What nobody waits for is written between answers, and is whole in the end."""

import asyncio

import pytest

from bot.errors import EngineFailed
from bot.giving_way import GivingWay


class Text:
    """Something that takes until it is let go, however often it is begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.broken_off = 0
        self.go_on = asyncio.Event()

    async def write(self) -> str:
        self.begun += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        return "written"


async def let_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_answer_breaks_it_off_and_it_is_begun_again_after_the_last_one() -> None:
    giving_way, text = GivingWay(), Text()
    writing = asyncio.create_task(giving_way.between_answers(text.write))
    await let_run()
    with giving_way.to_an_answer():
        with giving_way.to_an_answer():
            await let_run()
            assert (text.begun, text.broken_off) == (1, 1)
        await let_run()
        assert text.begun == 1
    await let_run()
    assert text.begun == 2
    text.go_on.set()
    assert await writing == "written"


async def test_nothing_is_begun_while_an_answer_is_being_written() -> None:
    giving_way, text = GivingWay(), Text()
    with giving_way.to_an_answer():
        writing = asyncio.create_task(giving_way.between_answers(text.write))
        await let_run()
        assert text.begun == 0
    text.go_on.set()
    assert await writing == "written"


async def test_what_breaks_comes_through() -> None:
    async def write() -> None:
        raise EngineFailed

    with pytest.raises(EngineFailed):
        await GivingWay().between_answers(write)


async def test_whoever_gives_it_up_ends_it() -> None:
    giving_way, text = GivingWay(), Text()
    writing = asyncio.create_task(giving_way.between_answers(text.write))
    await let_run()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await let_run()
    assert (text.begun, text.broken_off) == (1, 1)
