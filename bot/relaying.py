"""Hand-offs from direct messages: the agents see the question in their channel, and what they say there goes back.

Who writes to the support bot directly asks its support, and is told that the question was passed on. From the moment
an agent has taken it until it is solved, what the asker writes goes to the agents' thread and not to the bot. Every
function runs inside one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.events import MessagePosted, Place
from bot.handing_off import HandingOff
from bot.handoff import Handoff, HandoffState
from bot.outgoing import Notice, Outgoing
from bot.people import Role
from bot.ports import Unit


@dataclass(frozen=True)
class Relaying:
    handing_off: HandingOff

    def taken(self, unit: Unit, place: Place) -> Handoff | None:
        """The hand-off from this direct conversation that an agent is busy with."""
        asked = unit.handoffs.asked_at(place)
        return next((each for each in asked if each.state is HandoffState.CLAIMED), None)

    def to_agents(self, unit: Unit, event: MessagePosted, handoff: Handoff) -> Sequence[Outgoing]:
        return [Notice(place=handoff.place, in_reply_to=event.id, text=self._said(event))]

    def undelivered(self, unit: Unit, notice: Notice) -> Sequence[Outgoing]:
        """What an agent said could not be brought to whoever asked: the agents are told, and may try another way."""
        text = self.handing_off.texts.not_relayed
        return [Notice(place=each.place, text=text) for each in unit.handoffs.asked_at(notice.place)]

    def to_asker(self, unit: Unit, event: MessagePosted) -> Sequence[Outgoing] | None:
        """What an agent says below a card; None where no card of a direct question stands above."""
        below = [each for each in unit.handoffs.of(event.place) if each.asked_at is not None]
        if not below or self.handing_off.policy.staff.role_of(event.person) < Role.AGENT:
            return None
        is_open = [each for each in below if each.state in (HandoffState.OPEN, HandoffState.CLAIMED)]
        if not is_open:
            text = self.handing_off.texts.relay_closed
            return [Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)]
        relayed = [
            Notice(place=each.asked_at, in_reply_to=event.id, text=self._said(event))
            for each in is_open
            if each.asked_at is not None
        ]
        return [*self.handing_off.replied(unit, event), *relayed]

    def _said(self, event: MessagePosted) -> str:
        name = event.person.name or event.person.id
        return self.handing_off.texts.relayed.format(name=name, text=event.text)
