"""What connectors, the page and the command line may ask of the bot: the one way in from outside."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.answering import OnText
from bot.answers import Answer
from bot.conversation import Question, Turn
from bot.events import Event, MessageRef, Place
from bot.feedback import Lesson
from bot.home import Home, home_of, suggestions
from bot.ids import AnswerId
from bot.intake import Intake
from bot.lineage import Adapter, RetrainPlan, Run
from bot.outgoing import CorrectionForm
from bot.people import OPERATOR, Person, Platform, Role
from bot.ports import Clock, Store, Unit
from bot.redacting import Redacting
from bot.routing import Routing
from bot.status import Status

TERMINAL = Place(Platform.CLI, "local", "terminal")


@dataclass(frozen=True)
class Desk:
    store: Store
    routing: Routing
    intake: Intake
    clock: Clock
    redacting: Redacting | None
    """None: texts are kept as they came."""
    gap: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by `connected`."""

    # --- for connectors ------------------------------------------------------------------------------------------

    async def receive(self, event: Event) -> bool:
        """Take an event. Returns once it is on disk, so acknowledge it then; False for one that is known already."""
        return await self.intake.receive(self.redacting.event(event) if self.redacting is not None else event)

    def connected(self) -> None:
        """Hear that a connection was made: what happened before may have been missed, and is looked up."""
        self.gap.set()

    def meet(self, names: Iterable[str]) -> None:
        """Hear who is in the workspace, so that their names are redacted. They are kept in memory alone."""
        if self.redacting is not None:
            for name in names:
                self.redacting.personal_data.meet(name)

    async def correction_form(self, answer: AnswerId | MessageRef, person: Person) -> CorrectionForm:
        """What the correction form shows. Raises NotAllowed or BadInput, whose text is for the person."""

        def form(unit: Unit) -> CorrectionForm:
            posted = unit.answers.at(answer) if isinstance(answer, MessageRef) else unit.answers.get(answer)
            known = posted.answer.id if posted is not None else AnswerId("")
            return self.routing.capturing.form(unit, known, person)

        return await self.store.run(form)

    async def home(self, person: Person) -> Home:
        return await self.store.run(lambda unit: home_of(unit, person, self.routing.commands))

    async def suggestions(self) -> Sequence[str]:
        return await self.store.run(suggestions)

    def role_of(self, person: Person) -> Role:
        return self.routing.commands.policy.staff.role_of(person)

    # --- for the page --------------------------------------------------------------------------------------------

    async def turns(self, place: Place) -> Sequence[Turn]:
        return await self.store.run(lambda unit: unit.conversations.of(place))

    async def runs(self) -> Sequence[Run]:
        return await self.store.run(lambda unit: unit.runs.latest())

    async def adapters(self) -> Sequence[Adapter]:
        return await self.store.run(lambda unit: unit.adapters.all())

    async def live_adapter(self) -> Adapter | None:
        return await self.store.run(self.routing.commands.live)

    async def status(self) -> Status:
        return await self.store.run(self.routing.commands.status)

    async def lessons(self) -> Sequence[Lesson]:
        return await self.store.run(lambda unit: unit.lessons.all())

    # --- for the operator's command line: trusted, and without a connector ------------------------------------------

    async def ask(self, text: str, on_text: OnText | None = None) -> Answer:
        """Answer and keep the answer, as if it had been asked in a channel."""
        asked = self.redacting.asked(text) if self.redacting is not None else text
        answer = await self.routing.answering.answer(Question(asked), on_text)
        await self.store.run(lambda unit: unit.answers.add(answer, TERMINAL, OPERATOR))
        return answer

    async def teach(self, question: str, answer: str) -> Lesson:
        """Take a lesson at once. Raises BadInput."""
        if self.redacting is not None:
            question, answer = self.redacting.asked(question), self.redacting.taught(answer)
        near = await self.routing.near(question)
        teach = self.routing.capturing.teach
        return await self.store.run(lambda unit: teach(unit, question, answer, OPERATOR, self.clock(), near))

    async def promote(self, name: str) -> str:
        return await self.store.run(lambda unit: self.routing.commands.promote(unit, name, OPERATOR.key))

    async def rollback(self) -> str:
        return await self.store.run(lambda unit: self.routing.commands.rollback(unit, OPERATOR.key))

    async def plan(self) -> RetrainPlan:
        return await self.store.run(self.routing.commands.plan)
