"""What connectors, the page and the command line may ask of the bot: the one way in from outside."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from bot.access import Deed
from bot.answers import Answer
from bot.conversation import Question, Turn
from bot.errors import BadInput, NotAllowed, SourceUnreadable
from bot.events import Event, MessageRef, Place, Reacted
from bot.feedback import Lesson
from bot.home import Home, home_of, suggestions
from bot.ids import SHARED, AnswerId, Tenant, new_id
from bot.installations import Installation
from bot.installing import begin, came_back
from bot.intake import Intake
from bot.lineage import Adapter, RetrainPlan, Run
from bot.outgoing import CorrectionForm
from bot.passes import Pass, PassKind
from bot.people import OPERATOR, Person, Platform, Role
from bot.policy import Policy
from bot.ports import Clock, Library, Store, Unit
from bot.redacting import Redacting
from bot.retraining import planned
from bot.retrieval import DroppedRow, LoadReport
from bot.routing import Routing
from bot.status import Status
from bot.tenants import tenant_of
from bot.texts import Texts
from bot.uninstalling import uninstall
from bot.writing import OnText

T = TypeVar("T")

TERMINAL = Place(Platform.CLI, "local", "terminal")


@dataclass(frozen=True)
class Desk:
    store: Store
    routing: Routing
    intake: Intake
    clock: Clock
    redacting: Redacting | None
    """None: texts are kept as they came."""
    library: Library | None = None
    """Takes files; None: nowhere."""
    gap: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by `connected`."""

    # --- for connectors ------------------------------------------------------------------------------------------

    async def receive(self, event: Event, *, is_late: bool = False) -> bool:
        """Take an event. Returns once it is on disk, so acknowledge it then; False for one that is known already.

        `is_late`: it was found in a history. Raises DatabaseHeld, within two seconds, when it can't be kept: somebody
        who waits is then told `not_kept`.
        """
        event = self.redacting.event(event) if self.redacting is not None else event
        return await self.intake.receive(event, is_late=is_late)

    async def reactions(self, message: MessageRef) -> Sequence[Reacted]:
        """Those that stand on a message, as far as they were heard of."""
        heard = await self.store.run(lambda unit: unit.inbox.reactions([message]).get(message.key, ()))
        latest = {(each.person.key, each.emoji): each for each in heard}
        return [each for each in latest.values() if each.added]

    @property
    def marks(self) -> frozenset[str]:
        """The emoji that mark a person's reply as right. None, unless the operator has named one: replies are then not
        looked at, nor who reacts to them."""
        return self._policy.marks

    def may_mark(self, person: Person) -> bool:
        """Whether the person's mark counts, so that the reply may be read."""
        return self._policy.may_mark(person)

    def connected(self) -> None:
        """Hear that a connection was made: what happened before may have been missed, and is looked up."""
        self.gap.set()

    def meet(self, names: Iterable[str]) -> None:
        """Hear who is in the workspace, so that their names are redacted. They are kept in memory alone."""
        if self.redacting is not None:
            for name in names:
                self.redacting.personal_data.meet(name)

    def let_go_of_values(self) -> None:
        """What is remembered of who asked, to be repeated to them, goes at once: somebody was forgotten."""
        if self.redacting is not None and self.redacting.refilling is not None:
            self.redacting.refilling.clear()

    async def correction_form(self, answer: AnswerId | MessageRef, person: Person, place: Place) -> CorrectionForm:
        """What the correction form shows that somebody opens at a place. Raises NotAllowed or BadInput, whose text is
        for the person."""

        def form(unit: Unit) -> CorrectionForm:
            posted = unit.answers.at(answer) if isinstance(answer, MessageRef) else unit.answers.get(answer)
            known = posted.answer.id if posted is not None else AnswerId("")
            return self.routing.capturing.form(unit, known, person)

        return await self.store.run(lambda unit: form(unit.within(self._policy.within(place))), ahead=True)

    async def home(self, person: Person, place: Place) -> Home:
        of = self._policy.shown(place)
        return await self._shown(place, lambda unit: home_of(unit, person, self.routing.commands, of))

    async def suggestions(self, place: Place) -> Sequence[str]:
        return await self._shown(place, suggestions)

    async def held(self, place: Place) -> Sequence[Lesson]:
        """Lessons that wait for review, and may be decided there."""
        of = self._policy.shown(place)
        held = await self._shown(place, lambda unit: unit.lessons.held())
        return [lesson for lesson in held if of in (None, lesson.tenant)]

    async def install(self, installation: Installation) -> None:
        def keep(unit: Unit) -> None:
            unit.installations.put(installation)
            unit.audit.add(installation.by, "installed", f"the bot in {installation.workspace}", installation.at)

        await self.store.run(keep)

    async def begin_installing(self) -> str:
        """The state that an installation leaves with."""
        return await self.store.run(lambda unit: begin(unit, self.clock()))

    async def came_back(self, state: str) -> bool:
        """Whether an installation may go on with the state that came back; it is used up."""
        return await self.store.run(lambda unit: came_back(unit, state, self.clock()))

    async def installation(self, platform: Platform, workspace: str) -> Installation | None:
        """Ahead of other work: before it is known, Slack isn't told that an event was taken."""
        return await self.store.run(lambda unit: unit.installations.get(platform, workspace), ahead=True)

    async def installations(self, platform: Platform) -> Sequence[Installation]:
        return await self.store.run(lambda unit: unit.installations.all(platform))

    async def revoke(self, platform: Platform, workspace: str) -> None:
        """The token is void."""
        await self.store.run(lambda unit: unit.installations.remove(platform, workspace))

    async def uninstall(self, platform: Platform, workspace: str) -> int:
        """Remove what is kept of a workspace; how many rows."""
        separate = self._policy.separate
        return await self.store.run(lambda unit: uninstall(unit, platform, workspace, self.clock(), separate=separate))

    # --- for those who sign in --------------------------------------------------------------------------------------

    @property
    def texts(self) -> Texts:
        return self.routing.commands.texts

    async def holder(self, secret: str, kind: PassKind) -> Pass | None:
        """Whose secret it is, while it holds."""
        letting_in = self.routing.commands.letting_in
        return await self.store.run(lambda unit: letting_in.holder(unit, secret, kind, self.clock()), ahead=True)

    async def enter(self, link: str) -> str | None:
        """A session's secret for a link's; None for one that doesn't hold any more."""
        letting_in = self.routing.commands.letting_in
        return await self.store.run(lambda unit: letting_in.enter(unit, link, self.clock()), ahead=True)

    async def sign_in(self, person: Person) -> str:
        """A session's secret for somebody who has proved otherwise who they are."""
        letting_in = self.routing.commands.letting_in
        return await self.store.run(lambda unit: letting_in.session(unit, person, self.clock()), ahead=True)

    async def leave(self, session: str) -> None:
        await self.store.run(lambda unit: self.routing.commands.letting_in.leave(unit, session))

    def role_of(self, person: Person) -> Role:
        return self._policy.staff.role_of(person)

    def may(self, person: Person, deed: Deed) -> bool:
        return self._policy.staff.may(person, deed)

    # --- for the page --------------------------------------------------------------------------------------------

    async def turns(self, place: Place) -> Sequence[Turn]:
        return await self.store.run(lambda unit: unit.conversations.of(place))

    async def runs(self, place: Place = TERMINAL) -> Sequence[Run]:
        """None where workspaces don't share: they train nothing."""
        return await self.store.run(lambda unit: unit.runs.latest()) if self._policy.shown(place) is None else []

    async def adapters(self, place: Place = TERMINAL) -> Sequence[Adapter]:
        return await self._shown(place, lambda unit: unit.adapters.all())

    async def live_adapter(self) -> Adapter | None:
        return await self.store.run(self.routing.commands.live)

    async def moves(self) -> Sequence[str]:
        """How an adapter's trial stands, and why the last one failed."""
        return await self.store.run(self.routing.commands.moves)

    async def status(self, place: Place = TERMINAL) -> Status:
        return await self._shown(place, self.routing.commands.status)

    async def lessons(self, place: Place = TERMINAL) -> Sequence[Lesson]:
        return await self._shown(place, lambda unit: unit.lessons.all())

    def may_load(self, person: Person) -> bool:
        return self.library is not None and self._policy.staff.may(person, Deed.LOAD)

    async def upload(self, person: Person, name: str, content: AsyncIterator[bytes], place: Place) -> str:
        """Load a file that an admin sends, for the workspace that they signed in from; what came of it, in words.
        Raises NotAllowed, BadInput."""
        texts, library = self.routing.commands.texts, self._library(person)
        try:
            loaded = await library.load(name, content, tenant_of(place))
        except SourceUnreadable as problem:
            raise BadInput(texts.not_loaded.format(problem=problem)) from problem
        await self.store.run(lambda unit: unit.audit.add(person.key, "loaded", loaded.name, self.clock()))
        return texts.loaded.format(**asdict(loaded))

    async def load_report(
        self, person: Person, limit: int, place: Place
    ) -> tuple[LoadReport | None, Sequence[DroppedRow]]:
        """What the newest load did, and what was dropped. Raises NotAllowed."""
        library = self._library(person, place)
        return await library.report(), await library.dropped(limit)

    async def restore(self, person: Person, row: str, place: Place) -> str:
        """Load a row that was dropped, as it stands; what came of it. Raises NotAllowed, BadInput."""
        texts, library = self.routing.commands.texts, self._library(person, place)
        try:
            loaded = await library.restore(row)
        except SourceUnreadable as problem:
            raise BadInput(texts.not_loaded.format(problem=problem)) from problem
        await self.store.run(lambda unit: unit.audit.add(person.key, "restored", row, self.clock()))
        return texts.loaded.format(**asdict(loaded))

    def _library(self, person: Person, place: Place = TERMINAL) -> Library:
        """What was loaded is told of all loads together: where workspaces don't share, only to the operator."""
        is_elsewhere = self._policy.separate and tenant_of(place) != SHARED
        if self.library is None or not self.may_load(person) or is_elsewhere:
            raise NotAllowed(self.routing.commands.texts.loads_are_admins)
        return self.library

    # --- for the operator's command line: trusted, and without a connector ------------------------------------------

    async def ask(self, text: str, on_text: OnText | None = None, tenant: Tenant = SHARED) -> Answer:
        """Answer and keep the answer, as if it had been asked in a channel (of a workspace)."""
        here = new_id()
        asked = self.redacting.asked(text, here, OPERATOR) if self.redacting is not None else text
        answer = await self.routing.answering.answer(Question(asked, id=here, tenant=tenant), on_text)
        place = replace(TERMINAL, workspace=tenant or TERMINAL.workspace)
        await self.store.run(lambda unit: unit.answers.add(answer, place, OPERATOR))
        filled = self.redacting.filled(answer.text, here, OPERATOR) if self.redacting is not None else answer.text
        return replace(answer, text=filled)

    async def teach(self, question: str, answer: str, tenant: Tenant = SHARED) -> Lesson:
        """Take a lesson at once, for a workspace or for all. Raises BadInput."""
        if self.redacting is not None:
            question, answer = self.redacting.asked(question), self.redacting.taught(answer)
        near, _ = await self.routing.near(question, tenant)
        within = tenant if self._policy.separate else None

        def take(unit: Unit) -> Lesson:
            seen, now = unit.within(within), self.clock()
            return self.routing.capturing.teach(seen, question, answer, OPERATOR, now, near, tenant)

        return await self.store.run(take)

    async def promote(self, name: str) -> str:
        return await self.store.run(lambda unit: self.routing.commands.promote(unit, name, OPERATOR.key))

    async def rollback(self) -> str:
        return await self.store.run(lambda unit: self.routing.commands.rollback(unit, OPERATOR.key))

    async def plan(self) -> RetrainPlan:
        return await planned(self.store, self.routing.commands.plan)

    # --- parts -----------------------------------------------------------------------------------------------------

    @property
    def _policy(self) -> Policy:
        return self.routing.answering.policy

    async def _shown(self, place: Place, look: Callable[[Unit], T]) -> T:
        """What may be listed at a place."""
        return await self.store.run(lambda unit: look(unit.within(self._policy.shown(place))))
