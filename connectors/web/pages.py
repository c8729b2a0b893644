"""The pages: conversation, lessons, data, adapters. They show what the desk tells, and change nothing in the bot."""

from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from bot.desk import Desk
from bot.errors import BadInput, NotAllowed
from connectors.web.board import Board
from connectors.web.parsing import ROLES, RoleName
from connectors.web.rendering import Rendering, lesson_rows, under_way
from connectors.web.visitor import CONVERSATION, ROLE, Visitor, You, keep

PAGES = {"/": "Conversation", "/lessons": "Lessons", "/data": "Data", "/adapters": "Adapters"}
SHOWN_ROWS = 500
"""Of those that were dropped; `mentee ingest --dropped` shows all."""


@dataclass(frozen=True)
class Pages:
    desk: Desk
    board: Board
    rendering: Rendering
    has_login: bool

    def router(self) -> APIRouter:
        router = APIRouter(default_response_class=HTMLResponse)
        router.add_api_route("/", self.conversation)
        router.add_api_route("/lessons", self.lessons)
        router.add_api_route("/data", self.data)
        router.add_api_route("/restorations", self.restore, methods=["POST"])
        router.add_api_route("/adapters", self.adapters)
        router.add_api_route("/adapters/now", self.adapters_now)
        router.add_api_route("/status", self.status)
        router.add_api_route("/conversation", self.new_conversation, methods=["POST"])
        router.add_api_route("/role", self.choose_role, methods=["POST"])
        return router

    # --- whole pages -----------------------------------------------------------------------------------------------

    async def conversation(self, you: You) -> HTMLResponse:
        turns = await self.desk.turns(you.place)
        entries = self.board.history(str(you.conversation), turns)
        return await self._page("/", you, entries=[self.rendering.entry(entry, you.person) for entry in entries])

    async def lessons(self, you: You) -> HTMLResponse:
        rows, may_load = lesson_rows(await self.desk.lessons(you.place)), self.desk.may_load(you.person)
        return await self._page("/lessons", you, rows=rows, may_load=may_load)

    async def data(self, you: You, said: str = "") -> HTMLResponse:
        try:
            report, rows = await self.desk.load_report(you.person, SHOWN_ROWS, you.place)
        except NotAllowed as problem:
            return await self._page("/data", you, report=None, rows=(), said=str(problem), may_see=False)
        return await self._page("/data", you, report=report, rows=rows, said=said, may_see=True)

    async def restore(self, you: You, row: Annotated[str, Form(max_length=64)]) -> HTMLResponse:
        try:
            said = await self.desk.restore(you.person, row, you.place)
        except BadInput as problem:
            said = str(problem)
        return await self.data(you, said)

    async def adapters(self, you: You) -> HTMLResponse:
        return await self._page("/adapters", you, **await self._lineage(you))

    # --- parts that the page fetches again -------------------------------------------------------------------------

    async def status(self, you: You) -> str:
        return self.rendering.page("parts/status.html", status=await self.desk.status(you.place))

    async def adapters_now(self, you: You) -> str:
        return self.rendering.page("parts/lineage.html", **await self._lineage(you))

    # --- choices of the person before the page ---------------------------------------------------------------------

    async def new_conversation(self) -> RedirectResponse:
        response = RedirectResponse("/", 303)
        keep(response, CONVERSATION, str(uuid4()))
        return response

    async def choose_role(
        self, role: Annotated[RoleName, Form()], back: Annotated[str, Form()] = "/"
    ) -> RedirectResponse:
        response = RedirectResponse(back if back in PAGES else "/", 303)
        keep(response, ROLE, role)
        return response

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _page(self, path: str, you: Visitor, **context: object) -> HTMLResponse:
        html = self.rendering.page(
            f"{PAGES[path].lower()}.html", path=path, pages=PAGES, roles=ROLES, you=you, has_login=self.has_login,
            status=await self.desk.status(you.place), now=self.desk.clock(), **context,
        )  # fmt: skip
        response = HTMLResponse(html)
        keep(response, CONVERSATION, str(you.cookie))
        return response

    async def _lineage(self, you: Visitor) -> dict[str, object]:
        runs = await self.desk.runs(you.place)
        return {
            "live": await self.desk.live_adapter(),
            "adapters": sorted(await self.desk.adapters(you.place), key=lambda adapter: -adapter.number),
            "moves": await self.desk.moves(),
            "under_way": under_way(runs),
            "ended": [run for run in runs if run.report is not None],
        }
