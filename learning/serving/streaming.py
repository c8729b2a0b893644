"""Text that a server writes piece by piece (server-sent events), and where it must stop. Knows no particular server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp

from bot.errors import Busy, EngineFailed, TooLate

Finish = Literal["end", "length", "stop"]
OnText = Callable[[str], None]
Event = dict[str, Any]
Parse = Callable[[Event], tuple[str, Finish | None]]
"""An event's piece of text, and how the text ends if this is its last piece."""

CONNECT_S = 10.0
SILENCE_S = 60.0
"""A server that says nothing for so long has failed."""
RETRY_AFTER_S = 1.0
"""When a busy server doesn't say when to come again."""
MAX_SAID = 200


class ServerBusy(Busy):
    """The server answered 429 or 503."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerBroke(EngineFailed):
    """It failed in a way that may be over at the next try."""


class NotThere(EngineFailed):
    """The server answered 404: it knows no such model, or no such address."""


class NotTaken(EngineFailed):
    """The server answered 400 or 422: the request is not as its model or it wants it."""


@asynccontextmanager
async def within(seconds: float | None) -> AsyncIterator[None]:
    """Raises TooLate when the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as problem:
        raise TooLate(f"The text was not finished within {seconds} s.") from problem


class Text:
    """What was written so far. Passes it on but for what may turn out to begin a stop string."""

    def __init__(self, stop: Sequence[str], on_text: OnText | None) -> None:
        self._stop = [each for each in stop if each]
        self._on_text = on_text
        self._passed_on: list[str] = []
        self._held = ""
        self.shown = False

    def __str__(self) -> str:
        return "".join(self._passed_on).strip()

    def add(self, piece: str) -> bool:
        """Whether a stop string has come."""
        self._held += piece
        found = [at for each in self._stop if (at := self._held.find(each)) >= 0]
        if found:
            self._held = self._held[: min(found)]
            self.flush()
            return True
        self._pass_on(len(self._held) - max((_overlap(self._held, each) for each in self._stop), default=0))
        return False

    def flush(self) -> None:
        self._pass_on(len(self._held))

    def _pass_on(self, end: int) -> None:
        piece, self._held = self._held[:end], self._held[end:]
        if not piece:
            return
        self._passed_on.append(piece)
        if self._on_text is not None:
            self.shown = True
            self._on_text(piece)


def _overlap(text: str, stop: str) -> int:
    """How many characters at the text's end may be the beginning of the stop string."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)


async def write(url: str, payload: Event, api_key: str | None, parse: Parse, text: Text) -> Finish:
    """Ask the server, and add what it writes to the text. Leaving early closes the connection, so that it stops.

    Raises ServerBusy, ServerBroke, EngineFailed.
    """
    async with _posted(url, payload, api_key) as response:
        async for piece, finish in _pieces(response, parse):
            if text.add(piece):
                return "stop"
            if finish is not None:
                text.flush()
                return finish
    raise ServerBroke(f"{url} broke off in the middle of a text.")


@asynccontextmanager
async def session(api_key: str | None) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as opened:
        yield opened


@asynccontextmanager
async def _posted(url: str, payload: Event, api_key: str | None) -> AsyncIterator[aiohttp.ClientResponse]:
    async with session(api_key) as client:
        try:
            response = await client.post(url, json=payload)
            if response.status >= 400:
                raise await refusal(response)
        except aiohttp.ClientError as problem:
            raise ServerBroke(f"{url} can't be reached: {type(problem).__name__}.") from problem
        async with response:
            yield response


async def refusal(response: aiohttp.ClientResponse) -> Busy | EngineFailed:
    """The error that a status of 400 or more stands for."""
    said = (await response.text(errors="replace"))[:MAX_SAID]
    message = f"{response.url} answered {response.status}: {said}"
    if response.status in (429, 503):
        return ServerBusy(message, _seconds(response.headers.get("Retry-After", "")))
    if response.status == 404:
        return NotThere(message)
    if response.status in (400, 422):
        return NotTaken(message)
    return ServerBroke(message) if response.status >= 500 else EngineFailed(message)


def _seconds(retry_after: str) -> float:
    """Seconds; a date, which the header may hold as well, counts as unknown."""
    return float(retry_after) if retry_after.isdecimal() else RETRY_AFTER_S


async def _pieces(response: aiohttp.ClientResponse, parse: Parse) -> AsyncIterator[tuple[str, Finish | None]]:
    try:
        async for line in response.content:
            field, _, data = line.decode().partition(":")
            if field != "data":
                continue  # blank lines, comments, names of events
            if data.strip() == "[DONE]":
                return
            event = json.loads(data)
            if "error" in event:
                raise ServerBroke(f"{response.url} failed in the middle of a text: {str(event['error'])[:MAX_SAID]}")
            yield parse(event)
    except aiohttp.ClientError as problem:
        raise ServerBroke(f"{response.url} was lost in the middle of a text: {type(problem).__name__}.") from problem
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        raise ServerBroke(f"{response.url} wrote what can't be read: {type(problem).__name__}.") from problem
