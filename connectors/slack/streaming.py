"""Answers that grow in Slack while they are being written, by its streaming methods.

A stream is never the answer: what it has shown is stopped and rewritten by the answer's own message, with buttons,
sources and metadata, or it is removed. All of that may be repeated. A message of the bot's own in a thread that has
neither its metadata nor its blocks is a stream that nobody finished: this process lost Slack's word on it, or an
earlier one died. It is removed before the answer is posted. Knows nothing of what is an answer.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_chat_stream import AsyncChatStream
from slack_sdk.web.async_client import AsyncWebClient

from bot.events import Place
from bot.ids import EventId
from bot.outgoing import AnswerDraft
from connectors.slack.errors import NETWORK_ERRORS, code_of, describe, is_transient, is_unclear
from connectors.slack.rendering import METADATA_TYPE, Rendered, is_plain, metadata

MAX_LOOKED_AT = 999

# Nothing can be streamed with this app, to anybody.
_NOT_FOR_US = frozenset({"feature_not_enabled", "missing_scope", "not_allowed_token_type", "unknown_method"})

log = structlog.get_logger()


@dataclass
class Stream:
    """One answer on its way."""

    chat: AsyncChatStream
    shown: str = ""
    is_asking: bool = False
    """Slack was asked for something, and hasn't answered."""

    @property
    def ts(self) -> str | None:
        return self.chat.ts


@dataclass
class Streaming:
    client: AsyncWebClient
    can_stream: bool = True
    """False for an app or a workspace whose Slack doesn't know the methods."""
    started_at: float = field(default_factory=time.time)
    """Seconds since 1970."""
    _open: dict[EventId, Stream] = field(default_factory=dict)
    _swept: set[str] = field(default_factory=set)
    """Threads of before this process, in which nothing unfinished is left."""
    _me: str | None = None

    async def show(self, draft: AnswerDraft) -> None:
        """Begin a stream, or go on with it. Slack knows them in threads, and wants to be told for which of the
        workspace's own people they are; and they take Markdown, in which words could call others or hide a link."""
        place = draft.place
        if not self.can_stream or place.thread is None or draft.to.is_outsider or not is_plain(draft.text):
            return
        stream = self._open.get(draft.in_reply_to)
        if stream is None:
            chat = await self.client.chat_stream(
                buffer_size=1, channel=place.channel, thread_ts=place.thread,
                recipient_team_id=place.workspace, recipient_user_id=draft.to.id,
            )  # fmt: skip
            stream = self._open[draft.in_reply_to] = Stream(chat)
        if draft.text.startswith(stream.shown) and draft.text != stream.shown and not stream.is_asking:
            await self._append(draft.in_reply_to, stream, draft.text)

    async def finish(self, event: EventId | None, place: Place, rendered: Rendered, id: str) -> str | None:
        """Put what was rendered where the stream of the event stands, and return its ts; None where none does.

        Raises SlackApiError, or one of the network's, when it isn't clear: the same again is right then.
        """
        stream = self._open.get(event) if event is not None else None
        if stream is None or stream.ts is None:
            return None
        await self._stop(place.channel, stream.ts)
        try:
            await self.client.chat_update(
                channel=place.channel, ts=stream.ts, text=rendered.text, blocks=rendered.blocks, metadata=metadata(id)
            )
        except SlackApiError as problem:
            if is_transient(problem):
                raise
            log.warning("slack rewrites no stream", error=describe(problem))  # deleted by somebody, most likely
            return None
        return stream.ts

    async def remove(self, event: EventId | None, place: Place) -> None:
        """Take back what was shown. Raises as `finish` does."""
        stream = self._open.get(event) if event is not None else None
        if stream is not None and stream.ts is not None:
            await self._remove(place.channel, stream.ts)

    async def sweep(self, event: EventId | None, place: Place) -> None:
        """Leave nothing in the thread that nobody will finish. Raises as `finish` does.

        Where Slack asks to look again later, what an earlier process left stays until the thread's next answer: this
        one needn't wait for it.
        """
        if place.thread is None:
            return
        stream = self._open.get(event) if event is not None else None
        is_lost = stream is not None and stream.ts is None
        is_old = place.key not in self._swept and float(place.thread) < self.started_at
        if is_lost or is_old:
            try:
                await self._sweep(place, place.thread)
            except SlackApiError as problem:
                if is_lost or is_unclear(problem):
                    raise
                log.info("slack thread not looked through", error=describe(problem))
            else:
                self._swept.add(place.key)

    def forget(self, event: EventId | None) -> None:
        """The answer stands."""
        if event is not None:
            self._open.pop(event, None)

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _append(self, event: EventId, stream: Stream, words: str) -> None:
        """What Slack refuses, or doesn't answer, ends the showing: the answer itself needs none of it."""
        stream.is_asking = True
        try:
            await stream.chat.append(markdown_text=words[len(stream.shown) :])
        except SlackApiError as problem:
            log.info("slack shows no stream", error=describe(problem))
            self.can_stream = code_of(problem) not in _NOT_FOR_US
            if stream.ts is None and not is_unclear(problem):
                self.forget(event)
        except NETWORK_ERRORS as problem:
            log.info("slack shows no stream", error=describe(problem))
        else:
            stream.shown, stream.is_asking = words, False

    async def _sweep(self, place: Place, thread: str) -> None:
        try:
            found = await self.client.conversations_replies(
                channel=place.channel, ts=thread, include_all_metadata=True, limit=MAX_LOOKED_AT
            )
        except SlackApiError as problem:
            if is_transient(problem):
                raise
            return  # where nothing may be read, the bot says nothing either
        known = {stream.ts for stream in self._open.values()}
        bare = [each for each in found["messages"] if _is_bare(each) and each["ts"] not in known]
        if bare and self._me is None:
            self._me = (await self.client.auth_test())["user_id"]
        for message in bare:
            if message.get("user") == self._me:
                log.info("slack stream of before removed", ts=message["ts"])
                await self._remove(place.channel, message["ts"])

    async def _stop(self, channel: str, ts: str) -> None:
        """One that has been stopped already, or that nobody sees any more, is no trouble."""
        try:
            await self.client.chat_stopStream(channel=channel, ts=ts)
        except SlackApiError as problem:
            if is_transient(problem):
                raise

    async def _remove(self, channel: str, ts: str) -> None:
        await self._stop(channel, ts)
        try:
            await self.client.chat_delete(channel=channel, ts=ts)
        except SlackApiError as problem:
            if is_transient(problem):
                raise
            log.info("slack removes no stream", error=describe(problem))


def _is_bare(message: dict[str, Any]) -> bool:
    """Not posted as a whole, if it is the bot's."""
    has_section = any(block["type"] == "section" for block in message.get("blocks") or [])
    return (message.get("metadata") or {}).get("event_type") != METADATA_TYPE and not has_section
