"""What in a conversation is the question, and which message resolved it. Knows nothing of the formats they come in."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from learning.sources.items import Broken, Pair

THANKS = re.compile(
    r"\b(thanks?|thank you|thx|ty|cheers|perfect|awesome|solved|resolved|fixed|got it|that (worked|helped|did it)|"
    r"works? now|working now|danke|merci|gracias)\b|🙏",
    re.IGNORECASE,
)
BUT = re.compile(r"\b(but|still|however|doesn'?t|didn'?t|not work|no luck|thanks in advance)\b|\?", re.IGNORECASE)
"""Thanks with which nothing was resolved yet."""


class Role(StrEnum):
    ASKER = "asker"
    OTHER = "other"
    BOT = "bot"


@dataclass(frozen=True)
class Said:
    name: str
    role: Role
    text: str
    at: str = ""
    accepted: bool = False
    """Somebody marked it as the answer: ✅, or what the platform has for that."""


@dataclass(frozen=True)
class Conversation:
    said: Sequence[Said]
    """Oldest first."""
    topic: str = ""
    where: str = ""
    subject: str = ""
    """Stands before what was asked, as in a ticket."""
    is_closed: bool = False
    line: int = 0


def pair_in(parse: Callable[[], Conversation], line: int, record: object) -> Pair | Broken | None:
    """Of a record as somebody's export has it, whose fields may hold anything: an odd one costs itself alone."""
    try:
        return pair_of(parse())
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return Broken(line, "a field of it holds something else than it should", str(record)[:500])


def pair_of(conversation: Conversation) -> Pair | None:
    """The question, and what resolved it as far as can be told; None where nobody asked or nobody else replied."""
    said = [each for each in conversation.said if each.role is not Role.BOT and each.text.strip()]
    start = next((i for i, each in enumerate(said) if each.role is Role.ASKER), None)
    if start is None:
        return None
    end = next((i for i in range(start, len(said)) if said[i].role is not Role.ASKER), len(said))
    found = _resolution(said[end:], conversation.is_closed)
    if found is None:
        return None
    resolution, why = found
    question = "\n".join(filter(None, [conversation.subject, *(each.text for each in said[start:end])]))
    return Pair(
        question=question, answer=resolution.text, topic=conversation.topic, resolved_by=str(resolution.name), why=why,
        asked_at=str(said[start].at), where=conversation.where, line=conversation.line,
        people=tuple(dict.fromkeys(str(each.name) for each in said[start:] if each.name)),
    )  # fmt: skip


def _resolution(said: Sequence[Said], is_closed: bool) -> tuple[Said, str] | None:
    """The message that resolved it, and what speaks for that, the strongest sign first."""
    replies = [each for each in said if each.role is Role.OTHER]
    if not replies:
        return None
    if marked := next((each for each in reversed(replies) if each.accepted), None):
        return marked, "marked as the answer"
    for i in range(len(said) - 1, 0, -1):
        if said[i].role is Role.ASKER and _is_thanks(said[i].text):
            thanked = next((each for each in reversed(said[:i]) if each.role is Role.OTHER), None)
            if thanked is not None:
                return thanked, "the asker thanked for it"
    if is_closed:
        return replies[-1], "the last reply before it was closed"
    return replies[-1], "only the last reply: nobody confirmed it"


def _is_thanks(text: str) -> bool:
    return len(text) <= 200 and THANKS.search(text) is not None and BUT.search(text) is None
