"""Feedback buttons: the same as a ✅ or ❌ on the answer, but one of the two at a time, and the latest wins."""

from bot.buttons import Act
from bot.events import ButtonPressed, MessageRef, Reacted
from bot.feedback import Gesture
from bot.ids import AnswerId
from bot.outgoing import Notice, Outgoing
from bot.ports import Unit
from bot.reacting import Reacting


def rate(unit: Unit, event: ButtonPressed, reacting: Reacting) -> list[Outgoing]:
    """A platform's buttons can't be let go again, so that pressing the other one takes the first one back."""
    posted = unit.answers.get(AnswerId(event.about))
    stands = unit.answers.at(posted.message) if posted is not None and posted.message is not None else None
    if posted is None or posted.message is None or stands is None:
        return [_tell(event, reacting.texts.unknown_answer)]
    if stands.answer.id != posted.answer.id:
        return [_tell(event, reacting.texts.answer_rewritten)]
    gesture, other = Gesture.APPROVE, Gesture.REJECT
    if event.act is Act.REJECT:
        gesture, other = other, gesture
    mine = {rating.gesture for rating in unit.ratings.of(posted.answer.id) if rating.person == event.person.key}
    if gesture in mine:
        return []
    outgoing = []
    if other in mine:
        outgoing += reacting.react(unit, _as_reaction(event, posted.message, other, reacting, added=False))
    return outgoing + reacting.react(unit, _as_reaction(event, posted.message, gesture, reacting, added=True))


def _tell(event: ButtonPressed, text: str) -> Notice:
    return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)


def _as_reaction(event: ButtonPressed, on: MessageRef, gesture: Gesture, reacting: Reacting, *, added: bool) -> Reacted:
    emoji = next(emoji for emoji, meant in reacting.capturing.policy.emoji.items() if meant is gesture)
    return Reacted(
        id=event.id, place=event.place, person=event.person, at=event.at, message=on, emoji=emoji, added=added
    )  # fmt: skip
