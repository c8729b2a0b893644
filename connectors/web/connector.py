"""The page as a connector: serves it, and brings what the bot says to the browsers that are looking."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from bot.access import Deed
from bot.desk import Desk
from bot.errors import DatabaseHeld, NotAllowed, PersonError
from bot.events import MessageRef
from bot.outgoing import AnswerDraft, AnswerEdit, AnswerPost, Outgoing, ProgressPost
from bot.people import Platform
from bot.texts import Texts
from connectors.web.board import Board, Draft, Entry
from connectors.web.config import WebConfig
from connectors.web.doors import Doors
from connectors.web.guard import Guard, not_kept
from connectors.web.limits import Limits
from connectors.web.listening import listen
from connectors.web.login import Login
from connectors.web.pages import Pages
from connectors.web.parsing import message_of
from connectors.web.posts import Posts
from connectors.web.rendering import Rendering
from connectors.web.signs import Signs
from connectors.web.visitor import check_form_token

STATIC = Path(__file__).parent / "static"
MAX_BODY_BYTES = 256 * 1024
FAREWELL_S = 3


class WebConnector:
    platform = Platform.WEB
    archive = None
    """The page hands over what is said there itself."""

    def __init__(self, config: WebConfig, desk: Desk, texts: Texts, signs: Signs | None = None) -> None:
        self.config = config
        self._desk = desk
        self._board = Board()
        self._signs = signs or Signs()
        self.login = Login(config.password) if config.password else None
        self.app = self._build(Rendering(texts, config.title, lambda person: desk.may(person, Deed.BLAME)))

    async def run(self) -> None:
        """Serve until cancelled. Raises SettingError when the port can't be had."""
        server = _Server(
            uvicorn.Config(self.app, log_config=None, access_log=False, lifespan="off",
                           timeout_graceful_shutdown=FAREWELL_S)
        )  # fmt: skip
        with listen(self.config.host, self.config.port) as listening:
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            try:
                await asyncio.shield(serving)
            finally:
                server.should_exit = True
                self._board.close()
                await serving

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        """Show it. It is taken also when no browser is looking: whoever comes later finds it there."""
        place = outgoing.place
        if isinstance(outgoing, AnswerEdit):
            if outgoing.message is not None:
                self._board.edit(place.channel, outgoing.message.id, outgoing)
            return outgoing.message
        self._board.put(place.channel, Entry(outgoing.id, self._desk.clock(), outgoing))
        return message_of(place, outgoing.id) if isinstance(outgoing, AnswerPost | ProgressPost) else None

    async def update(self, message: MessageRef, text: str) -> None:
        self._board.rewrite(message.channel, message.id, text)

    async def draft(self, draft: AnswerDraft) -> None:
        self._board.tell(draft.place.channel, Draft(draft.text))

    def _build(self, rendering: Rendering) -> FastAPI:
        app = FastAPI(
            title=self.config.title, openapi_url=None, docs_url=None, redoc_url=None, max_body_size=MAX_BODY_BYTES,
            dependencies=[Depends(check_form_token)],
        )  # fmt: skip
        limits = Limits(self.config.posts_a_minute)
        app.add_middleware(Guard, config=self.config, desk=self._desk, limits=limits)
        app.add_exception_handler(PersonError, _refused)
        app.add_exception_handler(DatabaseHeld, lambda *_: not_kept(self._desk.texts))
        app.add_exception_handler(RequestValidationError, _malformed)
        app.mount("/static", StaticFiles(directory=STATIC))
        app.include_router(Pages(self._desk, self._board, rendering, has_login=self.config.asks_for_login).router())
        app.include_router(Posts(self._desk, self._board, rendering).router())
        if self.config.asks_for_login:
            app.include_router(Doors(self._desk, self.config, self.login, rendering).router())
        app.include_router(self._signs.router())
        return app


async def _refused(_: Request, problem: Exception) -> JSONResponse:
    """What the bot says to the person who asked for it."""
    return JSONResponse({"error": str(problem)}, 403 if isinstance(problem, NotAllowed) else 400)


async def _malformed(_: Request, __: Exception) -> JSONResponse:
    """Says nothing of what was sent: it may be long, and need not even be text."""
    return JSONResponse({"error": "The page sent something that isn't understood here. Reload it and try again."}, 422)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, which cancels `run`."""
        yield
