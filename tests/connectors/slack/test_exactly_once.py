"""What is said once, however often the line breaks. Against a Slack of our own, since no peer breaks it."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.events import Place
from bot.ids import OutgoingId, first_id
from bot.outgoing import Notice
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.slack.config import SlackConfig
from connectors.slack.connector import SlackConnector
from deploy.wiring import utc_now
from tests.connectors.exactly_once import counted, deliver
from tests.connectors.slack.our_slack import OurSlack, our_slack
from tests.house import House, open_house


def notices(count: int) -> list[Notice]:
    return [Notice(place=Place(Platform.SLACK, "T1", f"C{i}", "100.1"), text=f"Message {i}.") for i in range(count)]


def house_on(slack: OurSlack, folder: Path) -> AbstractAsyncContextManager[House]:
    config = SlackConfig(bot_token="xoxb-1", app_token="xapp-1", api_url=slack.url)
    return open_house(folder, lambda desk: [SlackConnector(config, desk, ENGLISH)])


async def resets(folder: Path, count: int) -> tuple[int, int, int]:
    async with our_slack() as slack, house_on(slack, folder) as house:
        slack.breaks = count
        outgoing = notices(count)
        await deliver(house, outgoing)
        return slack.resets, *counted(slack.texts, outgoing)


async def test_a_line_that_breaks_after_a_message_was_taken_brings_no_second_one(tmp_path: Path) -> None:
    assert await resets(tmp_path, 5) == (5, 0, 0)


@pytest.mark.slow
async def test_a_thousand_resets_after_accept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, double, missing = await resets(tmp_path, 1_000)
    with capsys.disabled():
        print(f"\n{broken} connections reset after accept: {double} double posts, {missing} missing")
    assert (broken, double, missing) == (1_000, 0, 0)


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(hours=1)], ids=["on time", "its clock was ahead"])
async def test_what_a_dead_process_has_sent_is_not_sent_again_by_the_next(tmp_path: Path, ahead: timedelta) -> None:
    """The process dies between Slack's taking it and the note that it did."""
    outgoing = replace(notices(1)[0], id=OutgoingId(first_id(utc_now() + ahead)))
    async with our_slack() as slack:
        async with house_on(slack, tmp_path) as first:
            await first.bot.connectors[Platform.SLACK].deliver(outgoing)
        async with house_on(slack, tmp_path) as second:
            await deliver(second, [outgoing])
        assert counted(slack.texts, [outgoing]) == (0, 0)


async def test_a_busy_slack_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    async with our_slack() as slack, house_on(slack, tmp_path) as house:
        delivery, now = house.bot.delivery, [0.0]
        delivery.clock = lambda: now[0]
        slack.busy = [30]
        (outgoing,) = notices(1)
        await house.store.run(lambda unit: unit.outbox.add(outgoing))
        waits = [await delivery.sweep()]
        now[0] = 29.0
        waits.append(await delivery.sweep())
        assert (waits, slack.refusals, slack.messages) == ([30.0, 1.0], 1, [])
        now[0] = 30.0
        await delivery.sweep()
        assert counted(slack.texts, [outgoing]) == (0, 0)
