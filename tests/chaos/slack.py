"""A Slack that outlives the bot: it knows people, breaks a line now and then, and takes its time."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from tests.connectors.slack.our_slack import Json, OurSlack

RESETS = 0.05
"""How many messages it takes without saying so."""
SLOW_S = 0.05
"""How long it takes at most to say that it has taken a message."""
SETTLED_S = 8.0
"""After a reset the bot waits for seconds before it looks whether its message stands there."""


@dataclass
class Slack(OurSlack):
    """One that knows people, and breaks a line now and then."""

    rng: random.Random = field(default_factory=random.Random)
    resets_share: float = RESETS
    posted_at: list[float] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if method == "auth.test":
            return web.json_response({"ok": True, "team_id": "T1", "user_id": "U0BOT", "bot_id": "B1", "url": ""})
        if method == "users.info":
            user = request.query.get("user") or str((await request.post()).get("user"))
            return web.json_response({"ok": True, "user": {"id": user, "team_id": "T1", "name": user.lower()}})
        if method in ("chat.postEphemeral", "chat.update"):
            return web.json_response({"ok": True})
        if method == "chat.postMessage":
            self.breaks = int(self.rng.random() < self.resets_share)
            self.posted_at.append(time.monotonic())
            taken = await super().answer(request)
            await asyncio.sleep(self.rng.uniform(0.0, SLOW_S))
            return taken
        return await super().answer(request)

    def settled(self) -> list[Json]:
        """Messages that have stood there for so long that the bot knows them."""
        before = time.monotonic() - SETTLED_S
        return [message for message, at in zip(self.messages, self.posted_at, strict=False) if at < before]

    def replies(self) -> Counter[str]:
        """How many messages stand in each thread."""
        return Counter(str(message["thread_ts"]) for message in self.messages)
