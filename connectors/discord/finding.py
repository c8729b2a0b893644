"""What was posted without the bot's knowing that it was, by this process or an earlier one.

Discord drops a nonce that it has seen in the last few minutes, and shows none afterwards. What may stand there for
longer, since it was meant before this process began or was sent without Discord's word, is looked for by its words,
its author and what it replies to.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import discord

from bot.ids import OutgoingId, made_at
from bot.outgoing import Outgoing
from bot.personal import PLACEHOLDER

LOOK_BACK = 100
MAX_REMEMBERED = 10_000
SERVER_ERROR = 500
WRITTEN_WITHIN = timedelta(seconds=90)
"""A message that showed an answer's draft is older than the answer by what writing takes; and clocks differ."""


@dataclass
class Finding:
    started_at: datetime = field(default_factory=discord.utils.utcnow)
    _tried: dict[OutgoingId, None] = field(default_factory=dict)
    """What was sent to Discord without its word on what became of it, the latest last. A network may be away for longer
    than a nonce is remembered. What is given up is heard of no more: it makes room."""
    _found: dict[int, tuple[OutgoingId, int]] = field(default_factory=dict)
    """Each message is found for one piece of one text: the same words may have been meant twice."""

    def may_stand_there(self, id: OutgoingId) -> bool:
        return id in self._tried or _made(id) < self.started_at

    @contextmanager
    def trying(self, id: OutgoingId) -> Iterator[None]:
        """While it is sent. Nothing of it stands there when Discord refuses it, and no earlier attempt was in doubt."""
        was_tried = id in self._tried
        self._tried.pop(id, None)
        self._tried[id] = None
        if len(self._tried) > MAX_REMEMBERED:
            del self._tried[next(iter(self._tried))]
        try:
            yield
        except (discord.RateLimited, discord.HTTPException) as problem:
            if not was_tried and _is_refusal(problem) and all(piece[0] != id for piece in self._found.values()):
                self._tried.pop(id, None)
            raise
        self._tried.pop(id, None)

    def posted(self, message: int, id: OutgoingId, part: int) -> None:
        """Discord said so: it is never found for anything else."""
        self._found[message] = id, part
        if len(self._found) > MAX_REMEMBERED:
            del self._found[next(iter(self._found))]

    async def find(
        self, outgoing: Outgoing, part: int, words: str, channel: discord.PartialMessageable, root: int | None, me: int
    ) -> discord.Message | None:
        """The message that says one of its pieces. Raises discord.HTTPException."""
        since, says, piece = _made(outgoing.id) - WRITTEN_WITHIN, _saying(words.strip()), (outgoing.id, part)
        try:
            async for message in channel.history(limit=LOOK_BACK):
                replies_to = message.reference.message_id if message.reference is not None else None
                says_it = (message.author.id, replies_to) == (me, root) and says.fullmatch(message.content)
                is_meant = says_it and message.created_at >= since
                if is_meant and self._found.setdefault(message.id, piece) == piece:
                    return message
        except discord.Forbidden:  # where it may read nothing, it can't look
            return None
        return None


def _is_refusal(problem: discord.RateLimited | discord.HTTPException) -> bool:
    """Rather than an error of Discord's own, which tells nothing."""
    return isinstance(problem, discord.RateLimited) or problem.status < SERVER_ERROR


def _made(id: OutgoingId) -> datetime:
    return datetime.fromtimestamp(made_at(id), UTC)


def _saying(words: str) -> re.Pattern[str]:
    """The words, with anything in place of a placeholder: what it was filled with was known to another process."""
    between = map(re.escape, PLACEHOLDER.split(words))
    return re.compile(r"[^\n]{1,200}".join(between))
