"""Discord as the core sees it: runs the connection, and brings out what is to be said."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, assert_never

import aiohttp
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
from connectors.discord.finding import Finding
from connectors.discord.history import DiscordArchive
from connectors.discord.parsing import ref_of
from connectors.discord.people import DIRECT
from connectors.discord.rendering import Rendered, nonce, render_answer, render_notice, render_offer, render_text

VANISHES_AFTER_S = 120.0
"""What is for one person and can't be hidden from the others doesn't stay."""
NOT_CONNECTED_RETRY_S = 10.0
SOLVED_TAG = "solved"

_NETWORK_ERRORS = (aiohttp.ClientError, OSError)

log = structlog.get_logger()


class DiscordConnector:
    platform = Platform.DISCORD

    def __init__(self, config: DiscordConfig, desk: Desk, texts: Texts) -> None:
        self._config = config
        self._desk = desk
        self._texts = texts
        self.client = MenteeClient(config, desk, texts)
        self._drafts = self._make_drafts()
        self._finding = Finding()

    @property
    def archive(self) -> Archive | None:
        client = self.client
        return DiscordArchive(client, client.people, client.desk.marks) if client.is_ready() else None

    async def run(self) -> None:
        """Log in and receive until cancelled. Raises SettingError for a token or an intent that Discord refuses,
        OperatorError where Discord can't be reached at all; a connection that breaks later is made anew."""
        if self.client.is_closed():  # it broke before; discord.py opens a client only once
            self.client = MenteeClient(self._config, self._desk, self._texts)
            self._drafts = self._make_drafts()
        try:
            async with self.client:
                await self.client.start(self._config.token)
        except (discord.LoginFailure, discord.PrivilegedIntentsRequired) as refusal:
            raise setting_error(refusal) from None
        except (discord.HTTPException, discord.GatewayNotFound, *_NETWORK_ERRORS) as problem:
            raise OperatorError(
                f"Discord can't be reached at {self._config.api_url or DEFAULT_API_URL} ({type(problem).__name__}). "
                "Check the network and DISCORD_API_URL."
            ) from None

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        if not self.client.is_ready():
            raise DeliveryFailed("Discord isn't connected yet; it is tried again.", NOT_CONNECTED_RETRY_S)
        with _told_as_delivery_failed():
            match outgoing:
                case AnswerPost():
                    return await self._answer(outgoing, self._render(outgoing))
                case AnswerEdit():
                    message = await self._rewrite(outgoing, self._render(outgoing))
                    if outgoing.handoff is not None and outgoing.handoff.state is HandoffState.SOLVED:
                        await self._tag_as_solved(outgoing.place)
                    return message
                case ProgressPost():
                    return await self._progress(outgoing)
                case CorrectionOffer() | Offer():
                    await self._post(outgoing, render_offer(outgoing), delete_after=VANISHES_AFTER_S)
                    return None
                case Notice():
                    return await self._notice(outgoing)
                case _:
                    assert_never(outgoing)

    async def update(self, message: MessageRef, text: str) -> None:
        if not self.client.is_ready():
            return
        with _may_be_lost("update"):
            channel = self.client.get_partial_messageable(int(message.channel))
            content = render_text(text).pieces[0]
            none = discord.AllowedMentions.none()
            await channel.get_partial_message(int(message.id)).edit(content=content, allowed_mentions=none)

    async def draft(self, draft: AnswerDraft) -> None:
        if self.client.is_ready():
            with _may_be_lost("draft"):
                await self._drafts.show(draft)

    # --- parts ---------------------------------------------------------------------------------------------------

    @property
    def _me(self) -> int:
        assert self.client.user is not None, "it is ready"
        return self.client.user.id

    def _make_drafts(self) -> Drafts:
        return Drafts(self._target, f"-# {self._texts.still_writing}")

    async def _answer(self, post: AnswerPost, rendered: Rendered) -> MessageRef | None:
        """In the place of what was shown of it, if that is how it begins. Anything else is a message of its own: an
        edit calls nobody."""
        event, message = post.in_reply_to, await self._find(post, rendered)
        await self._drafts.sweep(event, post.place, self._me)
        draft = self._drafts.take_over(event)
        if message is None and draft is not None and post.answer.kind is AnswerKind.GROUNDED:
            message = await self._edit(post, rendered, draft)
        if message is None:
            await self._drafts.remove(event)
            message = await self._post(post, rendered)
        self._drafts.forget(event)
        await self.client.interactions.finish(event)
        return message

    async def _progress(self, post: ProgressPost) -> MessageRef | None:
        rendered = render_text(post.text)
        message = await self._find(post, rendered) or await self._post(post, rendered)
        await self.client.interactions.finish(post.in_reply_to)
        return message

    async def _notice(self, notice: Notice) -> MessageRef | None:
        if notice.to is None:
            rendered = render_notice(notice, privately=False, agents_role=self._agents_role(notice.place))
            return await self._find(notice, rendered) or await self._post(notice, rendered)
        private = render_notice(notice, privately=True)
        if await self.client.interactions.answer(notice.in_reply_to, private.pieces):
            return None
        if notice.is_secret:
            log.warning("discord.secret_not_shown", outgoing=notice.id)
        else:
            await self._post(notice, render_notice(notice, privately=False), delete_after=VANISHES_AFTER_S)
        return None

    def _render(self, outgoing: AnswerPost | AnswerEdit) -> Rendered:
        texts = self._texts.in_language(outgoing.answer.language)
        return render_answer(outgoing.answer, outgoing.handoff, texts, self._agents_role(outgoing.place))

    async def _rewrite(self, edit: AnswerEdit, rendered: Rendered) -> MessageRef | None:
        """What was deleted meanwhile needs no edit."""
        if edit.message is None:
            return None
        channel = self.client.get_partial_messageable(int(edit.message.channel))
        message = channel.get_partial_message(int(edit.message.id))
        return await self._edit(edit, rendered, message) or edit.message

    async def _edit(
        self, outgoing: AnswerEdit | AnswerPost, rendered: Rendered, message: discord.PartialMessage
    ) -> MessageRef | None:
        """Rewrite the message that carries the buttons: the last one, where an answer took several. What doesn't fit
        there follows as further messages. None when it was deleted meanwhile."""
        first, *rest = rendered.pieces
        none = discord.AllowedMentions.none()
        try:
            await message.edit(content=first, view=None if rest else rendered.view, allowed_mentions=none)
        except discord.NotFound:
            return None
        if rest:
            return await self._post(outgoing, replace(rendered, pieces=rest))
        return ref_of(message.channel.id, _guild_of(outgoing.place), message.id)

    async def _find(self, outgoing: Outgoing, rendered: Rendered) -> MessageRef | None:
        """What an earlier process has posted, if it did."""
        if not self._finding.may_stand_there(outgoing.id):
            return None
        channel, options = self._target(outgoing.place)
        root = options["reference"].message_id if options else None
        found = await self._finding.find(outgoing, rendered.pieces[-1], channel, root, self._me)
        return ref_of(found.channel.id, _guild_of(outgoing.place), found.id) if found is not None else None

    async def _tag_as_solved(self, place: Place) -> None:
        """A forum whose posts can be tagged as solved shows it in its list. A post whose tag can't be set still has
        its card."""
        forum = self.client.get_channel(int(place.channel))
        if not isinstance(forum, discord.ForumChannel) or place.thread is None:
            return
        tags = [tag for tag in forum.available_tags if tag.name.casefold() == SOLVED_TAG]
        with _may_be_lost("solved tag"):
            post = forum.get_thread(int(place.thread)) or await self.client.fetch_channel(int(place.thread))
            if isinstance(post, discord.Thread) and not set(tags) <= set(post.applied_tags):
                await post.add_tags(*tags)

    async def _post(
        self, outgoing: Outgoing, rendered: Rendered, *, delete_after: float | None = None
    ) -> MessageRef | None:
        """Returns the last message: buttons and attribution stand there, and people react there.

        Discord takes the same nonce once in some minutes, so that a retry finds what an earlier attempt posted.
        """
        channel, options = self._target(outgoing.place)
        if delete_after is not None:
            options["delete_after"] = delete_after
        message: discord.Message | None = None
        for part, piece in enumerate(rendered.pieces):
            if rendered.view is not None and part == len(rendered.pieces) - 1:
                options["view"] = rendered.view
            message = await channel.send(
                piece, nonce=nonce(outgoing.id, part), allowed_mentions=rendered.may_call, suppress_embeds=True,
                **options,
            )  # fmt: skip
        if message is None:
            return None
        return ref_of(message.channel.id, _guild_of(outgoing.place), message.id)

    def _target(self, place: Place) -> tuple[discord.PartialMessageable, dict[str, Any]]:
        """The channel to post in, and what makes it a reply. A message that was replied to may be gone by now."""
        guild = _guild_of(place)
        if place.thread is not None and self._is_thread(place):
            return self.client.get_partial_messageable(int(place.thread), guild_id=guild), {}
        channel = self.client.get_partial_messageable(int(place.channel), guild_id=guild)
        if place.thread is None:
            return channel, {}
        root = discord.MessageReference(
            message_id=int(place.thread), channel_id=channel.id, guild_id=guild, fail_if_not_exists=False
        )
        return channel, {"reference": root}

    def _is_thread(self, place: Place) -> bool:
        """Discord tells of every thread that is in use; posts of a forum are threads whatever it has told."""
        thread = self.client.get_channel(int(place.thread or 0))
        return isinstance(thread, discord.Thread) or isinstance(
            self.client.get_channel(int(place.channel)), discord.ForumChannel
        )

    def _agents_role(self, place: Place) -> str | None:
        return None if place.is_direct else self._config.agents_mention


def _guild_of(place: Place) -> int | None:
    return None if place.workspace == DIRECT else int(place.workspace)


@contextlib.contextmanager
def _may_be_lost(what: str) -> Iterator[None]:
    try:
        yield
    except (discord.DiscordException, *_NETWORK_ERRORS) as problem:
        log.debug("discord.lost", what=what, error=type(problem).__name__)


@contextlib.contextmanager
def _told_as_delivery_failed() -> Iterator[None]:
    """What trying again may mend. The rest comes through: a channel that is gone, a right that is missing."""
    try:
        yield
    except discord.RateLimited as problem:
        raise DeliveryFailed("Discord asks to go slower.", problem.retry_after) from problem
    except discord.HTTPException as problem:
        if problem.status != 429 and problem.status < 500:
            raise
        asked = problem.response.headers.get("Retry-After", "")
        retry_after = float(asked) if asked.isdecimal() else None
        raise DeliveryFailed(f"Discord answered with status {problem.status}.", retry_after) from problem
    except _NETWORK_ERRORS as problem:
        raise DeliveryFailed(f"Discord can't be reached ({type(problem).__name__}).") from problem
