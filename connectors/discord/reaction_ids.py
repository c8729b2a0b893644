"""Ids for reactions, which Discord gives none."""

from collections import OrderedDict

import discord

from bot.ids import EventId, new_id
from connectors.discord.parsing import emoji_of

_MAX_REMEMBERED = 10_000


class ReactionIds:
    """A reaction is there or it isn't, so of one person's emoji on one message only a change of state is news. The same
    state again is a redelivery, as after a resumed connection, and gets the id of the first; add, remove, add are
    three changes and get three. Memory ends with the process and holds the latest ten thousand: what is redelivered
    beyond that is taken once more, which the core bears, since the latest state of a reaction wins.
    """

    def __init__(self) -> None:
        self._process = new_id()
        self._latest: OrderedDict[str, tuple[bool, int]] = OrderedDict()

    def of(self, payload: discord.RawReactionActionEvent) -> EventId:
        added = payload.event_type == "REACTION_ADD"
        reaction = f"{payload.message_id}:{payload.user_id}:{payload.emoji.id or emoji_of(payload.emoji)}"
        before, changes = self._latest.pop(reaction, (not added, 0))
        changes += before is not added
        self._latest[reaction] = added, changes
        if len(self._latest) > _MAX_REMEMBERED:
            self._latest.popitem(last=False)
        return EventId(f"discord:{reaction}:{'add' if added else 'remove'}:{self._process}:{changes}")

    def cleared(self, message_id: int, emoji: discord.PartialEmoji | None) -> None:
        """Hear that all reactions to a message are gone, or all with one emoji: the same again is a change."""
        ending = f":{emoji.id or emoji_of(emoji)}" if emoji is not None else ""
        for reaction, (added, changes) in self._latest.items():
            if added and reaction.startswith(f"{message_id}:") and reaction.endswith(ending):
                self._latest[reaction] = False, changes + 1
