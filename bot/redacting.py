"""What of a text is kept: decided here, once, before anything reaches the disk.

- What people ask is kept without personal data. A placeholder says what stood there (<EMAIL_1>), and the same value
  has the same one throughout a conversation.
- What agents and help pages say keeps what is theirs to publish: a support address, a phone number, a colleague's
  name. Secrets, card numbers and national ids have no place there either; and what was the asker's stays the asker's,
  also when an answer in the same conversation repeats it.

What placeholders stood for is kept nowhere but in memory, for the reply to the same person (`refilling.py`).
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.events import (
    CorrectionSubmitted,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    Reacted,
    Reply,
    ReplyMarked,
)
from bot.people import Person, Role
from bot.personal import NOBODYS_TO_PUBLISH, Labels, Span
from bot.policy import Policy
from bot.ports import PersonalData
from bot.refilling import Refilling

MAX_CONVERSATIONS = 10_000
"""Whose placeholders are remembered; the numbering of older ones, and of those before a restart, begins anew."""


@dataclass
class Redacting:
    personal_data: PersonalData
    policy: Policy = field(default_factory=Policy)
    refilling: Refilling | None = None
    """None: placeholders stay."""
    _conversations: OrderedDict[str, Labels] = field(default_factory=OrderedDict)

    def event(self, event: Event) -> Event:
        """The event as it may be kept. Commands are left alone: they name people and answers on purpose."""
        if not event.person.is_bot:  # a bot's name is often the product's
            self.personal_data.meet(event.person.name)
        where = event.place.key
        if self.refilling is not None and isinstance(event, MessageEdited | MessageDeleted):
            self.refilling.drop(where)
        match event:
            case MessagePosted():
                return replace(event, text=self._posted(event, where))
            case MessageEdited() if self.policy.staff.role_of(event.person) >= Role.AGENT:  # it may have been learnt
                return replace(event, text=self.taught(event.text, where))
            case MessageEdited():
                return replace(event, text=self.asked(event.text, where, event.person))
            case ReplyMarked():
                return replace(event, text=self.taught(event.text, where))
            case Reacted(reply=Reply() as reply):
                return replace(event, reply=replace(reply, text=self.taught(reply.text, where)))
            case CorrectionSubmitted():
                return replace(event, question=self.asked(event.question, where), text=self.taught(event.text, where))
            case _:
                return event

    def asked(self, text: str, conversation: str = "", by: Person | None = None) -> str:
        """A question without personal data. Without a conversation, the text stands for itself.

        `by`: who may read it again in the reply.
        """
        labels, spans = self._labels(conversation), self.personal_data.find(text)
        labels.note_askers(text, spans)
        return self._without(text, labels, spans, conversation, by)

    def replied(self, text: str, conversation: str, by: Person) -> str:
        """What an agent says to an asker, without personal data. It isn't the asker's for having been said here, so
        that it may be learnt as an answer."""
        return self._without(text, self._labels(conversation), self.personal_data.find(text), conversation, by)

    def filled(self, text: str, conversation: str, to: Person) -> str:
        """A reply as its reader may read it."""
        return self.refilling.fill(text, conversation, to.key) if self.refilling is not None else text

    def taught(self, text: str, conversation: str = "") -> str:
        """An answer or help text without what is nobody's to publish, and without what was the asker's."""
        labels, spans = self._labels(conversation), self.personal_data.find(text)
        theirs = {span for span in spans if span.kind in NOBODYS_TO_PUBLISH}
        return labels.replace(text, sorted(theirs.union(labels.askers(text, spans))))

    def _posted(self, event: MessagePosted, where: str) -> str:
        if self.policy.is_among_agents(event.place):  # it goes to whoever asked
            return self.taught(event.text, where)
        if self._answers(event):
            return self.replied(event.text, where, event.person)
        return self.asked(event.text, where, event.person)

    def _answers(self, event: MessagePosted) -> bool:
        """An agent's words in somebody's thread, to them and not to the bot."""
        is_agent = self.policy.staff.role_of(event.person) >= Role.AGENT
        return is_agent and not (event.mentions_bot or event.opens_thread or event.place.is_direct)

    def _without(self, text: str, labels: Labels, spans: Sequence[Span], conversation: str, by: Person | None) -> str:
        if self.refilling is not None and by is not None and spans:
            self.refilling.remember(conversation, by.key, labels.named(text, spans))
        return labels.replace(text, spans)

    def _labels(self, conversation: str) -> Labels:
        if not conversation:
            return Labels()
        labels = self._conversations.setdefault(conversation, Labels())
        self._conversations.move_to_end(conversation)
        if len(self._conversations) > MAX_CONVERSATIONS:
            self._conversations.popitem(last=False)
        return labels
