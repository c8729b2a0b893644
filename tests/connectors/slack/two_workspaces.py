"""A Slack of our own with two workspaces: it installs the app by OAuth, and knows by the token where it is called for.

No peer has OAuth. What is ours here is read from Slack's reference.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
TOKENS = {"T0ONE": "xoxb-one-sEcReT", "T0TWO": "xoxb-two-sEcReT", "T0FOREIGN": "xoxb-foreign-sEcReT"}
BOTS = {team: f"U{team[2:]}BOT" for team in TOKENS}


@dataclass
class TwoWorkspaces:
    url: str = ""
    posted: list[tuple[str, Json]] = field(default_factory=list)
    """In which workspace, and what."""
    codes: list[str] = field(default_factory=list)
    void: set[str] = field(default_factory=set)
    """Workspaces whose token isn't good any more."""
    lacking: set[str] = field(default_factory=set)
    """Workspaces whose token may not list channels."""

    async def answer(self, request: web.Request) -> web.Response:
        sent = {
            **request.query,
            **await (request.json() if request.content_type == "application/json" else request.post()),
        }
        method = request.match_info["method"]
        if method == "oauth.v2.access":
            return web.json_response(self._grant(sent["code"]))
        token = str(sent.get("token") or request.headers.get("Authorization", "").removeprefix("Bearer "))
        team = next((team for team, known in TOKENS.items() if known == token), None)
        if team is None or team in self.void:
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if method == "users.conversations" and team in self.lacking:
            return web.json_response({"ok": False, "error": "missing_scope"})
        return web.json_response({"ok": True, **self._do(team, method, sent)})

    def _grant(self, code: str) -> Json:
        team = re.sub("^code-", "", code)
        if team not in TOKENS or code in self.codes:
            return {"ok": False, "error": "invalid_code"}
        self.codes.append(code)
        return {
            "ok": True, "app_id": "A0", "access_token": TOKENS[team], "token_type": "bot", "scope": "chat:write",
            "bot_user_id": BOTS[team], "team": {"id": team, "name": team.title()},
            "authed_user": {"id": f"U{team[2:]}"}, "is_enterprise_install": False, "enterprise": None,
        }  # fmt: skip

    def _do(self, team: str, method: str, sent: Json) -> Json:
        match method:
            case "auth.test":
                return {"team_id": team, "user_id": BOTS[team], "bot_id": f"B{team[2:]}", "url": "https://x.slack.com/"}
            case "users.info":
                user = {"id": sent["user"], "team_id": team, "name": sent["user"].lower(), "profile": {}}
                return {"user": user}
            case "users.conversations":
                return {"channels": [{"id": f"C{team[2:]}"}]}
            case "users.list":
                return {"members": []}
            case "chat.postMessage":
                self.posted.append((team, sent))
                return {"channel": sent["channel"], "ts": f"{1_900_000_000 + len(self.posted)}.000100"}
            case _:
                return {"messages": []}


@asynccontextmanager
async def two_workspaces() -> AsyncIterator[TwoWorkspaces]:
    slack = TwoWorkspaces()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.answer)
    async with TestServer(app) as server:
        slack.url = str(server.make_url("/api/"))
        yield slack
