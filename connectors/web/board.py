"""What each conversation shows at present, and the browsers that look at it.

The database keeps the conversation; this keeps the latest of it as it was posted, with everything that can be
clicked, within bounds. Knows nothing of HTML or HTTP.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from bot.answers import Answer
from bot.conversation import Speaker, Turn
from bot.outgoing import AnswerEdit, AnswerPost, Outgoing, ProgressPost

T = TypeVar("T")

MAX_CONVERSATIONS = 200
MAX_ENTRIES = 100
MAX_WAITING = 500


@dataclass(frozen=True)
class Said:
    """What the person before the page wrote."""

    text: str


@dataclass(frozen=True)
class Remembered:
    """What the bot answered before the page was last restarted: its words are known, its buttons are not."""

    text: str


@dataclass(frozen=True)
class Entry:
    """One thing that the conversation shows."""

    id: str
    at: datetime
    content: Said | Remembered | Outgoing
    pressed: frozenset[tuple[str, str]] = frozenset()
    """Whose (`Person.key`) which buttons are down: the emoji that they stand for."""

    @property
    def answer(self) -> Answer | None:
        return self.content.answer if isinstance(self.content, AnswerPost | AnswerEdit) else None


@dataclass(frozen=True)
class Draft:
    """An answer that is still being written."""

    text: str


News = Entry | Draft | None
"""None ends a subscription."""


@dataclass
class Board:
    _entries: OrderedDict[str, OrderedDict[str, Entry]] = field(default_factory=OrderedDict)
    _watchers: dict[str, set[asyncio.Queue[News]]] = field(default_factory=dict)
    _is_closed: bool = False

    # --- what is shown ---------------------------------------------------------------------------------------------

    def put(self, conversation: str, entry: Entry) -> None:
        """Show it, in place of an earlier one with its id, to all who are watching."""
        entries = self._entries.setdefault(conversation, OrderedDict())
        self._entries.move_to_end(conversation)
        entries[entry.id] = entry
        _drop_oldest(entries, MAX_ENTRIES)
        _drop_oldest(self._entries, MAX_CONVERSATIONS)
        self.tell(conversation, entry)

    def rewrite(self, conversation: str, id: str, text: str) -> None:
        """Give a progress post its new text; one that has scrolled away is left alone."""
        entry = self._entry(conversation, id)
        if entry is not None and isinstance(entry.content, ProgressPost):
            self.put(conversation, replace(entry, content=replace(entry.content, text=text)))

    def edit(self, conversation: str, id: str, content: AnswerEdit) -> None:
        """Show another answer, or another state of it, where one stands; one that has scrolled away is left alone.

        What people thought of one answer is no word on another.
        """
        entry = self._entry(conversation, id)
        if entry is not None:
            is_same = entry.answer is not None and entry.answer.id == content.answer.id
            pressed = entry.pressed if is_same else frozenset[tuple[str, str]]()
            self.put(conversation, replace(entry, content=content, pressed=pressed))

    def said(self, conversation: str, id: str) -> str:
        """What a person wrote there; empty when it is shown no more."""
        entry = self._entry(conversation, id)
        return entry.content.text if entry is not None and isinstance(entry.content, Said) else ""

    def press(self, conversation: str, id: str, button: tuple[str, str], *, down: bool) -> None:
        entry = self._entry(conversation, id)
        if entry is not None:
            pressed = entry.pressed | {button} if down else entry.pressed - {button}
            self.put(conversation, replace(entry, pressed=pressed))

    def entries(self, conversation: str) -> list[Entry]:
        """In the order in which they happened, whichever became known first."""
        return sorted(self._entries.get(conversation, OrderedDict()).values(), key=lambda entry: entry.at)

    def history(self, conversation: str, turns: Sequence[Turn]) -> list[Entry]:
        """All that there is to show: what the database remembers, then what was posted since the start."""
        recent = self.entries(conversation)
        answered = {entry.answer.text for entry in recent if entry.answer is not None}
        earlier = [turn for turn in turns if not recent or turn.at < recent[0].at]
        kept = [turn for turn in earlier if turn.speaker is Speaker.PERSON or turn.text not in answered]
        return [*(_entry_of(turn, number) for number, turn in enumerate(kept)), *recent]

    def _entry(self, conversation: str, id: str) -> Entry | None:
        entries = self._entries.get(conversation)
        return entries.get(id) if entries is not None else None

    # --- who is watching -------------------------------------------------------------------------------------------

    def tell(self, conversation: str, news: News) -> None:
        """Hand it to the conversation's watchers. One that has stopped reading is let go; it comes back for all."""
        for queue in tuple(self._watchers.get(conversation, ())):
            if queue.qsize() >= MAX_WAITING:
                self._watchers[conversation].discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(news)

    @contextmanager
    def watching(self, conversation: str) -> Iterator[asyncio.Queue[News]]:
        """What happens in a conversation from now on, until None."""
        queue: asyncio.Queue[News] = asyncio.Queue()
        watchers = self._watchers.setdefault(conversation, set())
        watchers.add(queue)
        if self._is_closed:
            queue.put_nowait(None)
        try:
            yield queue
        finally:
            watchers.discard(queue)
            if not watchers:
                self._watchers.pop(conversation, None)

    def close(self) -> None:
        """End all subscriptions, and those that come later."""
        self._is_closed = True
        for conversation in tuple(self._watchers):
            self.tell(conversation, None)


def _entry_of(turn: Turn, number: int) -> Entry:
    content = Said(turn.text) if turn.speaker is Speaker.PERSON else Remembered(turn.text)
    return Entry(f"turn-{number}", turn.at, content)


def _drop_oldest(kept: OrderedDict[str, T], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
