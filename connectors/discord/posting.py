"""The bot's messages on Discord: posted once, in as many pieces as they take, and rewritten where they stand."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import discord

from bot.errors import AdminError
from bot.events import MessageRef
from bot.outgoing import Outgoing
from connectors.discord.finding import Finding
from connectors.discord.parsing import ref_of
from connectors.discord.places import Places, guild_of
from connectors.discord.rendering import Rendered, nonce

THREAD_ARCHIVED = 50083

Target = tuple[discord.PartialMessageable, dict[str, Any]]


class Posting:
    def __init__(self, client: discord.Client, places: Places, finding: Finding) -> None:
        self._client, self._places, self._finding = client, places, finding

    async def once(self, outgoing: Outgoing, rendered: Rendered) -> MessageRef | None:
        """Post what no earlier process has posted."""
        return await self.post(outgoing, rendered, stands=await self.standing(outgoing, rendered))

    async def standing(self, outgoing: Outgoing, rendered: Rendered) -> list[int]:
        """The ids of the pieces that an earlier process has posted: all, or the first ones."""
        return await self._look(outgoing, rendered, await self._places.target(outgoing.place), [])

    async def post(
        self,
        outgoing: Outgoing,
        rendered: Rendered,
        *,
        stands: Sequence[int] = (),
        target: Target | None = None,
        delete_after: float | None = None,
    ) -> MessageRef | None:
        """Post the pieces that don't stand there. Returns the last message: buttons and attribution stand there, and
        people react there.

        Discord takes the same nonce once in some minutes, so that a retry finds what an earlier attempt posted.
        """
        channel, reply = target if target is not None else await self._places.target(outgoing.place)
        options = reply if delete_after is None else {**reply, "delete_after": delete_after}
        ids = list(stands)
        with self._finding.trying(outgoing.id):
            for part in range(len(stands), len(rendered.pieces)):
                if rendered.view is not None and part == len(rendered.pieces) - 1:
                    options = {**options, "view": rendered.view}
                sent = await channel.send(
                    rendered.pieces[part], nonce=nonce(outgoing.id, part), allowed_mentions=rendered.may_call,
                    suppress_embeds=True, **options,
                )  # fmt: skip
                self._finding.posted(sent.id, outgoing.id, part)
                ids.append(sent.id)
        if not ids:
            return None
        if outgoing.place.thread is None:
            self._places.opened(ids[-1])
        return ref_of(channel.id, guild_of(outgoing.place), ids[-1], earlier=ids[:-1])

    async def rewrite(self, outgoing: Outgoing, rendered: Rendered, message: MessageRef) -> MessageRef | None:
        """Put it where another text stands, each piece in the place of one. None when that was deleted meanwhile.

        What is too much goes from its beginning, since people react to the last message; what doesn't fit follows.
        """
        if not rendered.pieces:
            return message
        ids = list(map(int, (*message.earlier, message.id)))
        kept, surplus = ids[-len(rendered.pieces) :], ids[: -len(rendered.pieces)]
        target = self._places.beside(message, outgoing.place)
        channel = target[0]
        stands = True
        for part, (each, piece) in enumerate(zip(kept, rendered.pieces, strict=False)):
            view = rendered.view if part == len(rendered.pieces) - 1 else None
            edit = partial(channel.get_partial_message(each).edit, content=piece, view=view)
            stands = await self._change(channel.id, partial(edit, allowed_mentions=discord.AllowedMentions.none()))
        if not stands:
            return None
        for each in surplus:
            await self._change(channel.id, channel.get_partial_message(each).delete)
        stand = await self._look(outgoing, rendered, target, kept)
        return await self.post(outgoing, rendered, stands=stand, target=target)

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _look(self, outgoing: Outgoing, rendered: Rendered, target: Target, stand: Sequence[int]) -> list[int]:
        """`stand`, and the pieces after it that an earlier process has posted."""
        found = list(stand)
        if not self._finding.may_stand_there(outgoing.id):
            return found
        channel, options = target
        root, me = options["reference"].message_id if options else None, self._client.user
        for part in range(len(stand), len(rendered.pieces)):
            piece = rendered.pieces[part]
            message = await self._finding.find(outgoing, part, piece, channel, root, me.id if me is not None else 0)
            if message is None:
                break
            found.append(message.id)
        return found

    async def _change(self, channel: int, change: Callable[[], Awaitable[object]]) -> bool:
        """Edit or delete a message, also in an archived thread. False when it was deleted meanwhile."""
        try:
            try:
                await change()
            except discord.HTTPException as problem:
                if problem.code != THREAD_ARCHIVED:
                    raise
                await self._open_again(channel)
                await change()
        except discord.NotFound:
            return False
        return True

    async def _open_again(self, id: int) -> None:
        thread = await self._client.fetch_channel(id)
        try:
            if isinstance(thread, discord.Thread):
                await thread.edit(archived=False)
        except discord.Forbidden:
            raise AdminError(
                f"The thread {id} is archived, and Discord doesn't let the bot open it again to change its message. "
                "Give the bot the permission Manage Threads, or open the thread again."
            ) from None
