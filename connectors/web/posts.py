"""What the page sends, and the stream of news that it listens to. All of it goes on to the desk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bot.desk import Desk
from bot.events import Event
from bot.ids import AnswerId
from bot.outgoing import CorrectionForm
from bot.passes import PassKind
from bot.people import Person
from connectors.web.board import Board, Draft, Entry, News, Said
from connectors.web.parsing import Ask, Choose, Command, Correct, Press, React, ShortText
from connectors.web.rendering import Rendering
from connectors.web.visitor import Visitor, You

UPLOAD_BYTES = 100_000_000
LOOK_AGAIN_S = 30.0
"""A pass that was revoked keeps a silent line up for so long."""


@dataclass(frozen=True)
class Posts:
    """Each post returns once its event is on disk; what comes of it arrives on the stream."""

    desk: Desk
    board: Board
    rendering: Rendering

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/messages", self.ask, methods=["POST"], status_code=202)
        router.add_api_route("/reactions", self.react, methods=["POST"], status_code=202)
        router.add_api_route("/choices", self.choose, methods=["POST"], status_code=202)
        router.add_api_route("/presses", self.press, methods=["POST"], status_code=202)
        router.add_api_route("/corrections", self.correct, methods=["POST"], status_code=202)
        router.add_api_route("/corrections/{answer}", self.correction_form)
        router.add_api_route("/commands", self.command, methods=["POST"], status_code=202)
        router.add_api_route("/uploads", self.upload, methods=["POST"], max_body_size=UPLOAD_BYTES)
        router.add_api_route("/events/{conversation}", self.events, response_class=EventSourceResponse)
        return router

    async def ask(self, ask: Ask, you: You) -> dict[str, bool]:
        event = ask.event(you.person, self.desk.clock())
        taken = await self._receive(event, you)
        if taken["new"]:
            self.board.put(event.place.channel, Entry(event.message.id, event.at, Said(ask.text)))
        return taken

    async def react(self, reaction: React, you: You) -> dict[str, bool]:
        event = reaction.event(you.person, self.desk.clock())
        taken = await self._receive(event, you)
        button = (you.person.key, reaction.emoji)
        self.board.press(event.place.channel, reaction.message, button, down=reaction.added)
        return taken

    async def choose(self, choice: Choose, you: You) -> dict[str, bool]:
        return await self._receive(choice.event(you.person, self.desk.clock()), you)

    async def press(self, press: Press, you: You) -> dict[str, bool]:
        def said(message: str) -> str:
            return self.board.said(str(press.conversation), message)

        return await self._receive(press.event(you.person, self.desk.clock(), said), you)

    async def correction_form(self, answer: ShortText, you: You) -> CorrectionForm:
        return await self.desk.correction_form(AnswerId(answer), you.person, you.place)

    async def correct(self, correction: Correct, you: You) -> dict[str, bool]:
        return await self._receive(correction.event(you.person, self.desk.clock()), you)

    async def command(self, command: Command, you: You) -> dict[str, bool]:
        return await self._receive(command.event(you.person, self.desk.clock()), you)

    async def upload(self, name: ShortText, request: Request, you: You) -> dict[str, str]:
        return {"message": await self.desk.upload(you.person, name, request.stream(), you.place)}

    async def events(self, conversation: UUID, you: You, request: Request) -> AsyncIterator[ServerSentEvent]:
        """What stands there already, so that whoever was away misses nothing; then the news, while they may see it."""
        with self.board.watching(str(conversation)) as news:
            for entry in self.board.entries(str(conversation)):
                yield self._event(entry, you.person)
            while (latest := await self._next(news, request)) is not None:
                yield self._event(latest, you.person)

    async def _next(self, news: asyncio.Queue[News], request: Request) -> News:
        """None when there is no more, or the pass that they came with no longer holds: a line may stay up for days."""
        let_in_by: tuple[str, PassKind] | None = getattr(request.state, "let_in_by", None)
        while True:
            with suppress(TimeoutError):
                latest = await asyncio.wait_for(news.get(), LOOK_AGAIN_S)
                return latest if await self._holds(let_in_by) else None
            if not await self._holds(let_in_by):
                return None

    async def _holds(self, let_in_by: tuple[str, PassKind] | None) -> bool:
        return let_in_by is None or await self.desk.holder(*let_in_by) is not None

    async def _receive(self, event: Event, you: Visitor) -> dict[str, bool]:
        """It happens where they came from."""
        place = replace(event.place, workspace=you.place.workspace)
        return {"new": await self.desk.receive(replace(event, place=place))}

    def _event(self, news: Entry | Draft, person: Person) -> ServerSentEvent:
        if isinstance(news, Draft):
            return ServerSentEvent(event="draft", data=news.text)
        return ServerSentEvent(event="entry", data=self.rendering.entry(news, person))
