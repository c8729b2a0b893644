"""What was the matter with an answer that got a ❌: asked with buttons, kept with the rating, never required."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.buttons import Act, Button
from bot.events import ButtonPressed, Reacted
from bot.feedback import Gesture, Rating, Reason
from bot.ids import AnswerId
from bot.outgoing import Notice, Offer, Outgoing
from bot.ports import Unit
from bot.texts import Texts


def reason_buttons(answer: AnswerId, texts: Texts) -> tuple[Button, ...]:
    return tuple(Button(label, Act.REASON, answer, reason) for reason, label in labels(texts).items())


def labels(texts: Texts) -> Mapping[Reason, str]:
    return {
        Reason.WRONG: texts.reason_wrong,
        Reason.OUTDATED: texts.reason_outdated,
        Reason.INCOMPLETE: texts.reason_incomplete,
        Reason.TONE: texts.reason_tone,
        Reason.OTHER: texts.reason_other,
    }


def ask_why(event: Reacted, answer: AnswerId, texts: Texts) -> Offer:
    """For whoever can't correct it, but can say what was the matter."""
    return Offer(
        place=event.place, in_reply_to=event.id, to=event.person, text=texts.ask_why,
        buttons=reason_buttons(answer, texts),
    )  # fmt: skip


@dataclass(frozen=True)
class AskingWhy:
    texts: Texts

    def press(self, unit: Unit, event: ButtonPressed) -> list[Outgoing]:
        """Keep the reason with the person's ❌, which must still stand; the latest one wins. Inside one transaction."""
        rejections = [
            rating
            for rating in unit.ratings.of(AnswerId(event.about))
            if rating.person == event.person.key and rating.gesture is Gesture.REJECT
        ]
        if not rejections or event.detail not in set(Reason):
            return [self._tell(event, self.texts.reason_without_rating)]
        reason = Reason(event.detail)
        for rating in rejections:
            unit.ratings.put(replace(rating, reason=reason))
        return [self._tell(event, self.texts.reason_noted.format(reason=labels(self.texts)[reason].lower()))]

    @staticmethod
    def _tell(event: ButtonPressed, text: str) -> Notice:
        return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)


def reasons_given(ratings: list[Rating]) -> dict[str, int]:
    """How often each reason was given, of the ratings of one answer."""
    counts: dict[str, int] = {}
    for rating in ratings:
        if rating.reason is not None:
            counts[rating.reason] = counts.get(rating.reason, 0) + 1
    return counts
