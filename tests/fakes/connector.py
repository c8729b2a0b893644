"""A connector that keeps what it was told to post, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.events import MessageRef
from bot.outgoing import AnswerDraft, AnswerEdit, AnswerPost, CorrectionOffer, Notice, Offer, Outgoing, ProgressPost
from bot.people import Platform
from bot.ports import Archive


@dataclass
class FakeConnector:
    platform: Platform = Platform.SLACK
    posted: list[Outgoing] = field(default_factory=list)
    updates: list[tuple[MessageRef, str]] = field(default_factory=list)
    drafts: list[AnswerDraft] = field(default_factory=list)
    archive: Archive | None = None
    failures: list[Exception] = field(default_factory=list)
    """What to raise at the next deliveries, one each."""

    async def run(self) -> None:
        return

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        if self.failures:
            raise self.failures.pop(0)
        self.posted.append(outgoing)
        is_for_one = isinstance(outgoing, CorrectionOffer | Offer | Notice) and outgoing.to is not None
        if is_for_one and not outgoing.place.is_direct:
            return None
        if isinstance(outgoing, AnswerEdit):
            return outgoing.message
        return MessageRef(outgoing.place.platform, outgoing.place.workspace, outgoing.place.channel, outgoing.id)

    async def update(self, message: MessageRef, text: str) -> None:
        self.updates.append((message, text))

    async def draft(self, draft: AnswerDraft) -> None:
        self.drafts.append(draft)

    @property
    def answers(self) -> Sequence[AnswerPost]:
        return [each for each in self.posted if isinstance(each, AnswerPost)]

    @property
    def notices(self) -> Sequence[Notice]:
        return [each for each in self.posted if isinstance(each, Notice)]

    @property
    def progress(self) -> Sequence[ProgressPost]:
        return [each for each in self.posted if isinstance(each, ProgressPost)]

    def last_message(self) -> MessageRef:
        """Where the newest answer stands."""
        post = self.answers[-1]
        return MessageRef(post.place.platform, post.place.workspace, post.place.channel, post.id)
