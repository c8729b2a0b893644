"""What happens in Slack → the desk. Parses, looks the person up, hands over, acknowledges; decides nothing.

Bolt is set to `process_before_response`: it acknowledges when a listener has returned, in HTTP and in Socket Mode
(there the envelope's answer goes out after `async_dispatch`, and only for status 200). So an event is on disk before
Slack hears that it was taken, and a listener that failed leaves Slack to deliver again. A listener must therefore be
done within 3 seconds: none waits for an answer to be found, and looking a person up is cut off in time.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.errors import DatabaseHeld, PersonError
from bot.events import Event, MessageDeleted, MessageRef, Place, Reacted
from bot.ids import AnswerId
from bot.people import Person, Platform
from bot.shortening import cut
from bot.texts import Texts
from connectors.slack import forms, parsing
from connectors.slack.errors import GONE, NETWORK_ERRORS, code_of, describe
from connectors.slack.home import home_view
from connectors.slack.parsing import Identity, Interaction, Payload
from connectors.slack.people import LOOK_UP_S, People
from connectors.slack.posting import Posting
from connectors.slack.rendering import CHOICE_ACTION, OFFER_ACTION, PRESS_ACTION
from connectors.slack.surface import COMMAND, EVENTS, RIGHT_SHORTCUT, SHORTCUT, WHY_SHORTCUT

MAX_PROMPT_CHARS = 75

log = structlog.get_logger()


Find = Callable[[str], Awaitable["Listening | None"]]
"""Who listens in the workspace of that id."""


@dataclass(frozen=True)
class Listening:
    """In one workspace."""

    desk: Desk
    bot: Identity
    people: People
    posting: Posting
    client: AsyncWebClient
    texts: Texts

    async def _on_message(self, ack: AsyncAck, body: Payload) -> None:
        event = body["event"]
        happened = (
            parsing.message_posted(event, self.bot)
            or parsing.message_edited(event, self.bot)
            or parsing.message_deleted(event, self.bot)
        )
        if isinstance(happened, MessageDeleted):  # by whom, Slack doesn't tell
            await self.desk.receive(happened)
        elif happened is not None:
            await self._receive(happened)

    async def _on_reaction(self, ack: AsyncAck, body: Payload) -> None:
        reacted = parsing.reacted(body, self.bot)
        if reacted is not None and parsing.is_on_own(body, self.bot):
            await self._receive(reacted)
        elif reacted is not None and reacted.emoji in self.desk.marks:
            await self._on_mark(replace(reacted, person=await self.people.known(reacted.person)))

    async def _on_mark(self, reacted: Reacted) -> None:
        """On somebody's reply, which is read when an agent has marked it, and never else."""
        if self.desk.may_mark(reacted.person):
            words = await self._words_of(reacted.message)
            await self.desk.receive(parsing.with_reply(reacted, words, self.bot))
        elif reacted.person.is_unverified:
            await self.desk.receive(reacted)

    async def _on_command(self, ack: AsyncAck, body: Payload) -> None:
        await ack()
        given, interaction = parsing.command_given(body, self.bot, self.desk.clock())
        self.posting.open.keep(given.id, interaction)
        await self._receive(given, interaction)

    async def _on_choice(self, ack: AsyncAck, body: Payload) -> None:
        await ack()
        chosen = parsing.candidate_chosen(body, self.bot, self.desk.clock())
        await self._receive(chosen, parsing.interaction(body, self.bot))

    async def _on_press(self, ack: AsyncAck, body: Payload) -> None:
        await ack()
        pressed = parsing.button_pressed(body, self.bot, self.desk.clock())
        if pressed is None:
            reply = parsing.reply_of_button(body, self.bot)
            await self._receive_reply(body, reply, await self._words_of(reply))
            return
        interaction = parsing.interaction(body, self.bot)
        self.posting.open.keep(pressed.id, interaction)
        await self._receive(pressed, interaction)

    async def _on_right_answer(self, ack: AsyncAck, body: Payload) -> None:
        await ack()
        await self._receive_reply(body, parsing.message_of_menu(body, self.bot), body["message"])

    async def _on_why(self, ack: AsyncAck, body: Payload) -> None:
        await ack()
        given, interaction = parsing.why_asked(body, self.bot, self.desk.clock())
        self.posting.open.keep(given.id, interaction)
        await self._receive(given, interaction)

    async def _on_home(self, ack: AsyncAck, body: Payload) -> None:
        """Shown when somebody looks: their home, or beside an empty conversation what they might ask."""
        event = body["event"]
        try:
            if event.get("tab") == "home":
                person = await self.people.known(Person(Platform.SLACK, event["user"]))
                view = home_view(await self.desk.home(person, self._home), self.texts)
                await self.client.views_publish(user_id=event["user"], view=view)
            elif questions := await self.desk.suggestions(self._home):
                prompts = [{"title": cut(each, MAX_PROMPT_CHARS), "message": each} for each in questions]
                await self.client.assistant_threads_setSuggestedPrompts(
                    channel_id=event["channel"], prompts=prompts, title=self.texts.suggestions
                )
        except SlackApiError as problem:  # an older installation, or an app that was made without the agent view
            log.info("slack showed no home", tab=event.get("tab"), error=describe(problem))

    @property
    def _home(self) -> Place:
        """Where somebody is who only looks at the app."""
        return Place(Platform.SLACK, self.bot.team, "")

    async def _receive_reply(self, body: Payload, reply: MessageRef, message: Payload | None) -> None:
        marked = parsing.reply_marked(body, reply, message, self.bot, self.desk.clock())
        interaction = parsing.interaction(body, self.bot)
        self.posting.open.keep(marked.id, interaction)
        await self._receive(marked, interaction)

    async def _words_of(self, reply: MessageRef) -> Payload | None:
        """The message as it stands now. Empty when it was deleted: Slack then gives what came after it, or says so.
        None when Slack doesn't show it."""
        try:
            async with asyncio.timeout(LOOK_UP_S):
                found = await self.client.conversations_replies(
                    channel=reply.channel, ts=reply.id, latest=reply.id, inclusive=True, limit=1
                )
        except (SlackApiError, *NETWORK_ERRORS) as problem:
            if isinstance(problem, SlackApiError) and code_of(problem) in GONE:
                return {}
            log.warning("slack showed no reply", error=describe(problem))
            return None
        return next((each for each in found["messages"] if each["ts"] == reply.id), {})

    async def _on_offer(self, ack: AsyncAck, body: Payload) -> None:
        await ack()
        await self._open_form(parsing.interaction(body, self.bot), AnswerId(body["actions"][0]["value"]))

    async def _on_shortcut(self, ack: AsyncAck, body: Payload) -> None:
        await ack()
        await self._open_form(parsing.interaction(body, self.bot), parsing.message_of_menu(body, self.bot))

    async def _open_form(self, interaction: Interaction, answer: AnswerId | MessageRef) -> None:
        try:
            person = await self.people.known(interaction.person)
            form = await self.desk.correction_form(answer, person, interaction.place)
        except (PersonError, DatabaseHeld) as refusal:
            text = self.texts.not_kept if isinstance(refusal, DatabaseHeld) else str(refusal)
            await self.posting.tell(interaction, text)
            return
        view = forms.correction_view(form, interaction.place)
        await self.client.views_open(trigger_id=interaction.trigger_id, view=view)

    async def _on_submission(self, ack: AsyncAck, body: Payload) -> None:
        submitted = forms.correction_submitted(body, self.bot, self.desk.clock())
        if errors := forms.empty_fields(submitted, self.texts):
            await ack(response_action="errors", errors=errors)
            return
        try:
            await self._receive(submitted)
        except DatabaseHeld:  # the form stays open, with what was typed
            await ack(response_action="errors", errors={forms.ANSWER_FIELD: self.texts.not_kept})
        else:
            await ack()

    async def _receive(self, event: Event, interaction: Interaction | None = None) -> None:
        """Slack delivers again what wasn't taken, but not commands and clicks: whoever made them is told."""
        try:
            await self.desk.receive(replace(event, person=await self.people.known(event.person)))
        except DatabaseHeld:
            if interaction is None:
                raise
            await self.posting.tell(interaction, self.texts.not_kept)


def attach(app: AsyncApp, find: Find, desk: Desk, gone: Callable[[str], None]) -> None:
    """`gone` hears of a workspace whose token is void."""

    def by(handle: Callable[[Listening, AsyncAck, Payload], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def listener(ack: AsyncAck, body: Payload, context: AsyncBoltContext) -> None:
            listening = await find(context.team_id or "")
            if listening is None:  # it was uninstalled a moment ago
                await ack()
            else:
                await handle(listening, ack, body)

        return listener

    async def uninstalled(context: AsyncBoltContext) -> None:
        team = context.team_id or ""
        rows = await desk.uninstall(Platform.SLACK, team)
        gone(team)
        log.warning("slack uninstalled", workspace=team, removed=rows)

    async def revoked(event: Payload, context: AsyncBoltContext) -> None:
        if event["tokens"].get("bot"):
            await desk.revoke(Platform.SLACK, context.team_id or "")
            gone(context.team_id or "")
            log.warning("slack revoked the token", workspace=context.team_id)

    events = {
        "app_home_opened": by(Listening._on_home),
        "app_mention": by(Listening._on_message),
        "app_uninstalled": uninstalled,
        "message": by(Listening._on_message),
        "reaction_added": by(Listening._on_reaction),
        "reaction_removed": by(Listening._on_reaction),
        "tokens_revoked": revoked,
    }
    for kind in {name.partition(".")[0] for name in EVENTS}:
        app.event(kind)(events[kind])
    app.command(COMMAND)(by(Listening._on_command))
    app.shortcut({"type": "message_action", "callback_id": SHORTCUT})(by(Listening._on_shortcut))
    app.shortcut({"type": "message_action", "callback_id": RIGHT_SHORTCUT})(by(Listening._on_right_answer))
    app.shortcut({"type": "message_action", "callback_id": WHY_SHORTCUT})(by(Listening._on_why))
    app.action(OFFER_ACTION)(by(Listening._on_offer))
    app.action(re.compile(f"^{CHOICE_ACTION}"))(by(Listening._on_choice))
    app.action(re.compile(f"^{PRESS_ACTION}"))(by(Listening._on_press))
    app.view(forms.CORRECTION_VIEW)(by(Listening._on_submission))
    app.error(_on_error)


async def _on_error(error: Exception) -> BoltResponse:
    """Named, but not quoted: an error may carry what somebody wrote. Slack delivers again what got no 200."""
    log.error("slack listener failed", error=describe(error))
    return BoltResponse(status=500)
