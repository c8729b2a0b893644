"""What simcord's gateway sends, what becomes of it, and what the bot then asks of Discord's API, as they are committed
beside this file. After a change that is meant, `python -m tests.connectors.discord.test_snapshots` writes what comes
out anew, to be read before it is committed. simcord is not Discord: of the real one nothing was captured."""

import asyncio
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import discord

from bot.events import Event
from bot.texts import ENGLISH
from storage.codec import EVENT
from tests.connectors.discord.stage import Stage, on_stage

FOLDER = Path(__file__).parent / "snapshots"
HEARD = ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_REACTION_ADD", "INTERACTION_CREATE")
NAMES = (
    "message", "choice", "press", "reaction", "correction", "command", "message_edited", "message_deleted", "sent",
)  # fmt: skip
OUR_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TODAY = re.compile(r"\d\d [A-Z][a-z]{2} 20\d\d")
Found = dict[str, Any]


async def recorded(folder: Path) -> Found:
    """A story with one event of each kind: what came in and what it became, and all messages that were sent."""
    found: Found = {}
    async with on_stage(folder) as stage:
        client = next(iter(stage.house.bot.connectors.values())).client  # type: ignore[attr-defined]
        _listen(client, found)
        await _story(stage)
    return _plain(found)


async def _story(stage: Stage) -> None:
    await stage.house.teach("How long is the trial?", "21 days, see <https://help.example> & `Plans`.")
    await stage.house.teach("How long is the trial of Grove?", "14 days.")
    asked = await stage.customer.send(stage.channel, f"{stage.bot} How long is the trial?")
    await stage.heard()
    clarify = await stage.ask("How long is a trial for teams?")
    await stage.customer.click(clarify, label=ENGLISH.none_of_these)
    handoff = await stage.ask("Why is the sky blue?")
    await stage.agent.click(handoff, label=ENGLISH.claim_button)
    await stage.heard()
    await stage.agent.react(handoff, "✏️")
    form = await stage.agent.click(await stage.heard(), label=ENGLISH.offer_button)
    await stage.agent.submit_modal(form, {"question": "Why is the sky blue?", "text": "Scattered light."})
    await stage.heard()
    await stage.admin.slash(stage.channel, "mentee status")
    await stage.customer.edit(asked, "How long is the trial, please?")
    await stage.customer.delete(asked)
    await stage.heard()


def _listen(client: Any, found: Found) -> None:
    payload: Any = None
    hear, request = client.desk.receive, client.http.request

    def noting(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def note(data: Any) -> Any:
            nonlocal payload
            payload = json.loads(json.dumps(data))
            return parse(data)

        return note

    class Desk:
        def __getattr__(self, name: str) -> Any:
            return getattr(client_desk, name)

        async def receive(self, event: Event) -> bool:
            became = EVENT.dump_python(event, mode="json")
            became["person"]["groups"].sort()
            found.setdefault(event.kind, {"payload": payload, "event": became})
            return bool(await hear(event))

    async def requested(route: discord.http.Route, **more: Any) -> Any:
        body = more.get("json")
        if body is not None and "/messages" in route.path:
            kept = {name: value for name, value in body.items() if name != "nonce"}
            found.setdefault("sent", []).append({"method": route.method, **kept})
        return await request(route, **more)

    client_desk = client.desk
    client.desk = client.interactions.desk = Desk()
    client.http.request = requested
    for kind in HEARD:
        client._connection.parsers[kind] = noting(client._connection.parsers[kind])


def _plain(found: Found) -> Found:
    """With our own ids by their order, and without the day of the run."""
    text, ids = TODAY.sub("TODAY", json.dumps(found)), dict[str, str]()
    plain: Found = json.loads(OUR_ID.sub(lambda each: ids.setdefault(each[0], f"id-{len(ids) + 1}"), text))
    return plain


async def test_what_comes_in_and_goes_out_is_what_is_committed(tmp_path: Path) -> None:
    found = await recorded(tmp_path)
    assert sorted(found) == sorted(NAMES)
    for name in NAMES:
        assert found[name] == json.loads((FOLDER / f"{name}.json").read_text()), name


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (await recorded(Path(folder))).items():
            (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
