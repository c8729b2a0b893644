"""What is to be said → Slack, in a channel or for one person's eyes. Knows nothing of events or of who may do what."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.answers import AnswerKind
from bot.events import MessageRef, Place
from bot.ids import made_at
from bot.outgoing import AnswerDraft, AnswerEdit, AnswerPost, CorrectionOffer, Notice, Offer, Outgoing
from bot.people import Person
from bot.texts import Texts
from connectors.slack.errors import (
    NETWORK_ERRORS,
    NOT_THERE,
    code_of,
    describe,
    is_transient,
    is_unclear,
    refusal,
)
from connectors.slack.interactions import OpenInteractions
from connectors.slack.parsing import Interaction
from connectors.slack.rendering import Rendered, metadata, plain, render
from connectors.slack.streaming import Streaming

WRITING_S = 2.0
CLOCKS_DIFFER_S = 300.0
MAX_LOOKED_AT = 200

# No preview of any link: fetching one would tell its address, and whatever was put into it, to a stranger's server.
_QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}

log = structlog.get_logger()


@dataclass
class Posting:
    client: AsyncWebClient
    """Without retries of its own: the outbox retries, and a post sent twice would stand there twice."""
    texts: Texts
    agents_mention: str | None
    open: OpenInteractions = field(default_factory=OpenInteractions)
    can_show_writing: bool = True
    started_at: float = field(default_factory=lambda: time.time_ns() // 1_000_000 / 1_000)
    """Seconds since 1970, in whole milliseconds like the ids."""
    _streaming: Streaming = field(init=False)
    _tried: set[str] = field(default_factory=set)
    """What was sent to Slack without its word that it was taken."""
    _writing: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._streaming = Streaming(self.client, started_at=self.started_at)

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        """Post it. Raises DeliveryFailed, or what says who must act and how (`errors.refusal`)."""
        called = self.agents_mention if not outgoing.place.is_direct else None  # they don't see a conversation of two
        rendered = render(outgoing, self.texts, called)
        opened = self.open.of(outgoing.in_reply_to)
        await self._writing_is_shown(outgoing.place)
        try:
            if isinstance(outgoing, AnswerEdit):
                return await self._edit(outgoing, rendered)
            if isinstance(outgoing, AnswerPost):
                return await self._answer(outgoing, rendered, opened)
            if isinstance(outgoing, Notice | CorrectionOffer | Offer) and outgoing.to is not None:
                return await self._privately(outgoing.place, outgoing.to, rendered, opened, outgoing.id)
            return await self._publicly(outgoing.place, rendered, opened, outgoing.id)
        except (SlackApiError, *NETWORK_ERRORS) as problem:
            log.warning("slack took no message", outgoing=outgoing.id, error=describe(problem))
            raise refusal(problem) from problem

    async def tell(self, interaction: Interaction, text: str) -> None:
        """Answer a click that comes to nothing, for that person's eyes."""
        await self._privately(interaction.place, interaction.person, plain(text), interaction, None)

    async def update(self, message: MessageRef, text: str) -> None:
        rendered = plain(text)
        try:
            await self.client.chat_update(
                channel=message.channel, ts=message.id, text=rendered.text, blocks=rendered.blocks,
                metadata=metadata(None),
            )  # fmt: skip
        except (SlackApiError, *NETWORK_ERRORS) as problem:  # the next progress will show
            log.warning("slack took no edit", error=describe(problem))

    async def draft(self, draft: AnswerDraft) -> None:
        """Slack's own "is looking it up…" at first, then the text as it grows."""
        if draft.text:
            await self._writing_is_shown(draft.place)
            await self._streaming.show(draft)
        elif draft.place.thread is not None:
            self.show_writing(draft.place)

    def show_writing(self, place: Place) -> None:
        """Begin to; nothing waits for it but the message that makes it vanish."""
        if self.can_show_writing:
            self._writing[place.key] = asyncio.create_task(self._show_writing(place))

    async def _writing_is_shown(self, place: Place) -> None:
        """A mark that arrives after its message would stay."""
        showing = self._writing.pop(place.key, None)
        if showing is not None:
            await asyncio.wait([showing], timeout=WRITING_S)

    async def _show_writing(self, place: Place) -> None:
        """An app without the agent view isn't asked again."""
        try:
            await self.client.assistant_threads_setStatus(
                channel_id=place.channel, thread_ts=place.thread or "", status=self.texts.writing,
                loading_messages=list(self.texts.loading),
            )  # fmt: skip
        except SlackApiError as problem:
            self.can_show_writing = is_transient(problem)
            log.info("slack shows no status", error=describe(problem))
        except NETWORK_ERRORS as problem:
            log.info("slack shows no status", error=describe(problem))

    async def _answer(self, post: AnswerPost, rendered: Rendered, opened: Interaction | None) -> MessageRef:
        """In the place of what was shown of it, if that is how it begins. Anything else is a message of its own: what
        an edit adds, such as a call for the agents, reaches nobody."""
        place, event = post.place, post.in_reply_to
        await self._streaming.sweep(event, place)
        ts = None
        if post.answer.kind is AnswerKind.GROUNDED:
            ts = await self._streaming.finish(event, place, rendered, post.id)
        if ts is None:
            await self._streaming.remove(event, place)
            message = await self._publicly(place, rendered, opened, post.id)
        else:
            message = MessageRef(place.platform, place.workspace, place.channel, ts)
        self._streaming.forget(event)
        return message

    async def _edit(self, edit: AnswerEdit, rendered: Rendered) -> MessageRef | None:
        """What was deleted meanwhile needs no edit."""
        if edit.message is None:
            return None
        try:
            await self.client.chat_update(
                channel=edit.message.channel, ts=edit.message.id, text=rendered.text, blocks=rendered.blocks,
                metadata=metadata(edit.id),
            )  # fmt: skip
        except SlackApiError as problem:
            if code_of(problem) != "message_not_found":
                raise
        return edit.message

    async def _publicly(self, place: Place, rendered: Rendered, opened: Interaction | None, id: str) -> MessageRef:
        try:
            return await self._post(place, rendered, id)
        except SlackApiError as problem:
            if opened is None or code_of(problem) not in NOT_THERE:
                raise
            return await self._post(_direct(place, opened.person), rendered, id)  # a command works where the bot isn't

    async def _privately(
        self, place: Place, to: Person, rendered: Rendered, opened: Interaction | None, id: str | None
    ) -> MessageRef | None:
        """In the open interaction, else beside the conversation, else in the person's own one with the bot."""
        if opened is not None and opened.response_url and await self._respond(opened.response_url, rendered):
            return None
        if place.is_direct:
            return await self._post(place, rendered, id)
        try:
            await self.client.chat_postEphemeral(
                channel=place.channel, user=to.id, thread_ts=place.thread,
                text=rendered.text, blocks=rendered.blocks, **_QUIET,
            )  # fmt: skip
        except SlackApiError as problem:
            if code_of(problem) not in NOT_THERE:
                raise
            return await self._post(_direct(place, to), rendered, id)
        return None

    async def _post(self, place: Place, rendered: Rendered, id: str | None) -> MessageRef:
        """A message whose earlier attempt ended in the dark is looked for first: it may stand there already."""
        if id is not None and self._may_stand_there(id) and (found := await self._find(place, id)) is not None:
            return found
        self._tried.add(id or "")
        try:
            message = await self._send(place, rendered, id)
        except SlackApiError as problem:
            if not is_unclear(problem):
                self._tried.discard(id or "")
            raise
        self._tried.discard(id or "")
        return message

    def _may_stand_there(self, id: str) -> bool:
        """It was tried by this process, or could have been by an earlier one: also by one whose clock was ahead."""
        return id in self._tried or not self.started_at <= made_at(id) <= time.time()

    async def _find(self, place: Place, id: str) -> MessageRef | None:
        """By the metadata that the bot's messages carry. None in a conversation that is known by its person alone."""
        if place.channel.startswith(("U", "W")):
            return None
        try:
            found = await self._said_since(place, min(made_at(id), time.time()) - CLOCKS_DIFFER_S)
        except SlackApiError as problem:
            if is_transient(problem):
                raise
            return None  # where nothing may be read, the bot says nothing either
        for message in found["messages"]:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("outgoing") == id:
                return MessageRef(place.platform, place.workspace, place.channel, message["ts"])
        return None

    async def _said_since(self, place: Place, since: float) -> AsyncSlackResponse:
        if place.thread is not None:
            return await self.client.conversations_replies(
                channel=place.channel, ts=place.thread, oldest=str(since), include_all_metadata=True,
                limit=MAX_LOOKED_AT,
            )  # fmt: skip
        return await self.client.conversations_history(
            channel=place.channel, oldest=str(since), include_all_metadata=True, limit=MAX_LOOKED_AT
        )

    async def _send(self, place: Place, rendered: Rendered, id: str | None) -> MessageRef:
        answer = await self.client.chat_postMessage(
            channel=place.channel, thread_ts=place.thread, text=rendered.text, blocks=rendered.blocks,
            metadata=metadata(id), **_QUIET,
        )  # fmt: skip
        return MessageRef(place.platform, place.workspace, answer["channel"], answer["ts"])

    async def _respond(self, url: str, rendered: Rendered) -> bool:
        """False when the address has expired or was used up."""
        hook = AsyncWebhookClient(url, session=self.client.session, retry_handlers=[])
        answer = await hook.send(
            text=rendered.text, blocks=rendered.blocks, response_type="ephemeral", replace_original=False, **_QUIET
        )
        return answer.status_code == 200


def _direct(place: Place, person: Person) -> Place:
    """The person's own conversation with the bot. Slack finds it by the person's id."""
    return Place(place.platform, place.workspace, person.id, is_direct=True)
