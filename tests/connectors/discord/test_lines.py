"""Lines to Discord that went dead: noticed soon, and made anew."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from discord import shard

from bot.errors import DeliveryFailed
from bot.people import Platform
from connectors.discord import client, lines
from tests.connectors.discord.loopback import LoopbackDiscord
from tests.connectors.discord.test_exactly_once import house_on, notices
from tests.connectors.discord.test_login import connector_for, welcomed
from tests.connectors.exactly_once import deliver

DEADLINE_S = 20.0


async def test_a_gateway_that_falls_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours never answers a beat."""
    monkeypatch.setattr(client, "SILENCE_S", 0.2)
    monkeypatch.setattr(lines, "GOODBYE_S", 0.1)
    async with LoopbackDiscord().serving() as peer, welcomed(connector_for(peer), peer):
        async with asyncio.timeout(DEADLINE_S):
            while peer.gateways < 3:  # noqa: ASYNC110  # the peer has no event for it
                await asyncio.sleep(0.01)


async def test_it_can_be_stopped_while_it_makes_a_connection_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_S", 0.2)
    async with LoopbackDiscord().serving() as peer:
        running = asyncio.create_task(connector_for(peer).run())
        async with asyncio.timeout(DEADLINE_S):
            await peer.identified.wait()
            peer.greets = False
            while peer.gateways < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
        running.cancel()
        stopped, _ = await asyncio.wait([running], timeout=DEADLINE_S)
        assert stopped


async def test_beats_are_sent_often_enough_to_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BEAT_S", 0.05)
    async with LoopbackDiscord().serving() as peer, welcomed(connector_for(peer), peer):
        async with asyncio.timeout(DEADLINE_S):
            while peer.beats < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert 2 * lines.BEAT_S < lines.SILENCE_S


async def test_what_is_not_answered_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "ANSWER_S", 0.2)
    peer = LoopbackDiscord()
    right = peer._post

    async def swallow(request: web.Request) -> web.Response:
        await right(request)
        await asyncio.Event().wait()
        raise AssertionError("nobody answers")

    monkeypatch.setattr(peer, "_post", swallow)
    async with peer.serving(), house_on(peer, tmp_path) as house:
        with pytest.raises(DeliveryFailed, match="TimeoutError"):
            async with asyncio.timeout(DEADLINE_S):
                await house.bot.connectors[Platform.DISCORD].deliver(notices(1)[0])


async def test_what_was_taken_without_a_word_is_not_sent_again_when_its_nonce_is_forgotten(tmp_path: Path) -> None:
    """Within one process, and not for another text of the same words."""
    async with LoopbackDiscord().serving() as peer, house_on(peer, tmp_path) as house:
        twice: list[Any] = [notices(1)[0] for _ in range(2)]
        peer.breaks = 1
        with pytest.raises(DeliveryFailed):
            await house.bot.connectors[Platform.DISCORD].deliver(twice[0])
        peer.nonces.clear()
        await deliver(house, twice)
        peer.nonces.clear()
        third, peer.asks_to_wait_s = notices(1)[0], 60.0
        with pytest.raises(DeliveryFailed):
            await house.bot.connectors[Platform.DISCORD].deliver(third)
        peer.asks_to_wait_s = None
        await deliver(house, [third])
        assert [message["content"] for message in peer.messages] == [twice[0].text] * 3


def test_pauses_between_attempts_stay_short() -> None:
    lines.use_short_waits()
    pauses = vars(shard)["ExponentialBackoff"]()
    taken = [pauses.delay() for _ in range(200)]
    assert max(taken) == lines.LONGEST_PAUSE_S
    assert sum(taken) / len(taken) > lines.LONGEST_PAUSE_S / 2  # or a day's sessions are used up sooner


def test_discord_is_asked_to_let_the_bot_in_no_oftener_than_it_does() -> None:
    turns, every = lines.Turns(), lines.LET_IN_EVERY_S
    assert [turns.wait_s(now) for now in (0.0, 1.0, 1.0, 1.0 + 2 * every)] == [0.0, every - 1, 2 * every - 1, every - 1]
    assert turns.wait_s(100 * every) == 0.0


@pytest.mark.parametrize("idle_s", [0.01, 60.0])
async def test_a_line_that_may_be_dead_is_not_asked_on_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idle_s: float
) -> None:
    monkeypatch.setattr(lines, "IDLE_S", idle_s)
    peer, ports = LoopbackDiscord(), list[int]()
    right = peer._post

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        return await right(request)

    monkeypatch.setattr(peer, "_post", note)
    async with peer.serving(), house_on(peer, tmp_path) as house:
        for notice in notices(2):
            await house.bot.connectors[Platform.DISCORD].deliver(notice)
            await asyncio.sleep(0.05)
    assert len(set(ports)) == (2 if idle_s < 1 else 1)
