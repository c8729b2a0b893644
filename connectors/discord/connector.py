"""Discord as the core sees it: runs the connection, and brings out what is to be said."""

import asyncio
from typing import assert_never

import discord
import structlog

from bot.answers import AnswerKind
from bot.desk import Desk
from bot.errors import DeliveryFailed, OperatorError
from bot.events import MessageRef, Place
from bot.handoff import HandoffState
from bot.outgoing import AnswerDraft, AnswerEdit, AnswerPost, CorrectionOffer, Notice, Offer, Outgoing, ProgressPost
from bot.people import Platform
from bot.ports import Archive
from bot.texts import Texts
from connectors.discord.client import MenteeClient
from connectors.discord.config import DEFAULT_API_URL, DiscordConfig, setting_error
from connectors.discord.drafts import Drafts
from connectors.discord.errors import NETWORK_ERRORS, may_be_lost, told
from connectors.discord.finding import Finding
from connectors.discord.history import DiscordArchive
from connectors.discord.parsing import ref_of
from connectors.discord.places import guild_of
from connectors.discord.posting import Posting
from connectors.discord.rendering import Rendered, render_answer, render_notice, render_offer, render_text

VANISHES_AFTER_S = 120.0
"""What is for one person and can't be hidden from the others doesn't stay."""
NOT_CONNECTED_RETRY_S = 10.0
SOLVED_TAG = "solved"

log = structlog.get_logger()


class DiscordConnector:
    platform = Platform.DISCORD

    def __init__(self, config: DiscordConfig, desk: Desk, texts: Texts) -> None:
        self._config = config
        self._desk = desk
        self._texts = texts
        self.client = MenteeClient(config, desk, texts)
        self._finding = Finding()
        self._drafts, self._posting = self._make_drafts(), self._make_posting()

    @property
    def archive(self) -> Archive | None:
        client = self.client
        return DiscordArchive(client, client.people, client.desk.marks) if client.is_ready() else None

    async def run(self) -> None:
        """Log in and receive until cancelled. Raises SettingError for a token or an intent that Discord refuses,
        OperatorError where Discord can't be reached at all; a connection that breaks later is made anew."""
        if self.client.is_closed():  # it broke before; discord.py opens a client only once
            self.client = MenteeClient(self._config, self._desk, self._texts)
            self._drafts, self._posting = self._make_drafts(), self._make_posting()
        try:
            async with self.client:
                await self._start()
        except (discord.LoginFailure, discord.PrivilegedIntentsRequired) as refusal:
            raise setting_error(refusal) from None
        except (discord.HTTPException, discord.RateLimited, discord.GatewayNotFound, *NETWORK_ERRORS) as problem:
            raise OperatorError(
                f"Discord can't be reached at {self._config.api_url or DEFAULT_API_URL} ({type(problem).__name__}). "
                "Check the network and DISCORD_API_URL."
            ) from None

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        if not self.client.is_ready():
            raise DeliveryFailed("Discord isn't connected yet; it is tried again.", NOT_CONNECTED_RETRY_S)
        with told(self._name_of(outgoing.place)):
            match outgoing:
                case AnswerPost():
                    return await self._answer(outgoing, self._render(outgoing))
                case AnswerEdit():
                    message = await self._rewrite(outgoing)
                    if outgoing.handoff is not None and outgoing.handoff.state is HandoffState.SOLVED:
                        await self._tag_as_solved(outgoing.place)
                    return message
                case ProgressPost():
                    return await self._progress(outgoing)
                case CorrectionOffer() | Offer():
                    await self._posting.post(outgoing, render_offer(outgoing), delete_after=VANISHES_AFTER_S)
                    return None
                case Notice():
                    return await self._notice(outgoing)
                case _:
                    assert_never(outgoing)

    async def update(self, message: MessageRef, text: str) -> None:
        if not self.client.is_ready():
            return
        with may_be_lost("update"):
            channel = self.client.get_partial_messageable(int(message.channel))
            content = render_text(text).pieces[0]
            none = discord.AllowedMentions.none()
            await channel.get_partial_message(int(message.id)).edit(content=content, allowed_mentions=none)

    async def draft(self, draft: AnswerDraft) -> None:
        if self.client.is_ready():
            with may_be_lost("draft"):
                await self._drafts.show(draft)

    # --- parts ---------------------------------------------------------------------------------------------------

    @property
    def _me(self) -> int:
        assert self.client.user is not None, "it is ready"
        return self.client.user.id

    async def _start(self) -> None:
        """A cancel that comes while the library makes a connection anew is lost in it; a close isn't."""
        starting = asyncio.create_task(self.client.start(self._config.token))
        try:
            await asyncio.wait([starting])
        finally:
            starting.cancel()
            await self.client.close()
            await asyncio.wait([starting])
        await starting

    def _make_drafts(self) -> Drafts:
        return Drafts(self.client.places.target, f"-# {self._texts.still_writing}")

    def _make_posting(self) -> Posting:
        return Posting(self.client, self.client.places, self._finding)

    async def _answer(self, post: AnswerPost, rendered: Rendered) -> MessageRef | None:
        """In the place of what was shown of it, if that is how it begins. Anything else is a message of its own: an
        edit calls nobody."""
        event, stands, message = post.in_reply_to, await self._posting.standing(post, rendered), None
        await self._drafts.sweep(event, post.place, self._me)
        draft = self._drafts.take_over(event)
        if not stands and draft is not None and post.answer.kind is AnswerKind.GROUNDED:
            shown = ref_of(draft.channel.id, guild_of(post.place), draft.id)
            message = await self._posting.rewrite(post, rendered, shown)
        if message is None:
            await self._drafts.remove(event)
            message = await self._posting.post(post, rendered, stands=stands)
        self._drafts.forget(event)
        await self.client.interactions.finish(event)
        return message

    async def _progress(self, post: ProgressPost) -> MessageRef | None:
        message = await self._posting.once(post, render_text(post.text))
        await self.client.interactions.finish(post.in_reply_to)
        return message

    async def _notice(self, notice: Notice) -> MessageRef | None:
        if notice.to is None:
            rendered = render_notice(notice, privately=False, agents_role=self._agents_role(notice.place))
            return await self._posting.once(notice, rendered)
        private = render_notice(notice, privately=True)
        if await self.client.interactions.answer(notice.in_reply_to, private.pieces):
            return None
        if notice.is_secret:
            log.warning("discord.secret_not_shown", outgoing=notice.id)
        else:
            shown = render_notice(notice, privately=False)
            await self._posting.post(notice, shown, delete_after=VANISHES_AFTER_S)
        return None

    async def _rewrite(self, edit: AnswerEdit) -> MessageRef | None:
        """What was deleted meanwhile needs no edit."""
        if edit.message is None:
            return None
        return await self._posting.rewrite(edit, self._render(edit), edit.message) or edit.message

    def _render(self, outgoing: AnswerPost | AnswerEdit) -> Rendered:
        texts = self._texts.in_language(outgoing.answer.language)
        return render_answer(outgoing.answer, outgoing.handoff, texts, self._agents_role(outgoing.place))

    async def _tag_as_solved(self, place: Place) -> None:
        """A forum whose posts can be tagged as solved shows it in its list. A post whose tag can't be set still has
        its card."""
        forum = self.client.get_channel(int(place.channel))
        if not isinstance(forum, discord.ForumChannel) or place.thread is None:
            return
        tags = [tag for tag in forum.available_tags if tag.name.casefold() == SOLVED_TAG]
        with may_be_lost("solved tag"):
            post = forum.get_thread(int(place.thread)) or await self.client.fetch_channel(int(place.thread))
            if isinstance(post, discord.Thread) and not set(tags) <= set(post.applied_tags):
                await post.add_tags(*tags)

    def _agents_role(self, place: Place) -> str | None:
        return None if place.is_direct else self._config.agents_mention

    def _name_of(self, place: Place) -> str:
        """For whoever has to act: ids alone say little to people."""
        if place.is_direct:
            return "a direct message"
        channel = self.client.get_channel(int(place.channel))
        name = getattr(channel, "name", None)
        return f"#{name} ({place.channel})" if name else f"the channel {place.channel}"
