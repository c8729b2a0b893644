"""What is said once, however often the line breaks: what the tests of both chats have in common."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bot.outgoing import Notice
from bot.ports import Unit
from tests.house import House


async def deliver(house: House, outgoing: Sequence[Notice]) -> None:
    """Put them into the outbox, and sweep until it is empty."""

    def add(unit: Unit) -> None:
        for each in outgoing:
            unit.outbox.add(each)

    await house.store.run(add)
    for _ in range(20):
        await house.bot.delivery.sweep()
        if not await house.store.run(lambda unit: unit.outbox.undelivered()):
            return
    raise AssertionError("the outbox is not empty")


def counted(posted: Iterable[str], outgoing: Sequence[Notice]) -> tuple[int, int]:
    """How many of these texts stand there more than once, and how many not at all."""
    times = Counter(posted)
    return sum(times[each.text] > 1 for each in outgoing), sum(times[each.text] == 0 for each in outgoing)
