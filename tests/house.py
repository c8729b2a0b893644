"""A whole working bot for tests: the real use cases over a real SQLite database, with fake models."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.access import Staff
from bot.desk import Desk
from bot.feedback import Lesson
from bot.ids import FactId, SectionId, new_fact, new_id
from bot.lineage import RetrainPlan
from bot.policy import Policy
from bot.ports import Unit
from bot.profile import Profiles
from bot.retrieval import Section
from bot.texts import ENGLISH, Texts
from deploy.wiring import Bot, ConnectorsOf, Parts, put_together
from learning.redaction.finder import Finder
from learning.rightness import is_right
from storage.adapter_files import AdapterFiles
from storage.database import SqlStore
from tests.databases import open_store
from tests.fakes.generator import FakeGenerator
from tests.fakes.knowledge import LexicalKnowledge
from tests.tasks import beside

STAFF = Staff(agents=frozenset({"agents", "web:agent"}), admins=frozenset({"admins", "web:admin"}))


@dataclass
class House:
    bot: Bot
    store: SqlStore
    adapter_files: AdapterFiles
    generator: FakeGenerator
    knowledge: LexicalKnowledge
    plan: RetrainPlan = field(
        default_factory=lambda: RetrainPlan(usable=40, new=40, duplicates=0, held_out=8, examples=80, minutes=5.0)
    )
    """What the next dry run or retraining will be told; tests may replace it."""

    @property
    def desk(self) -> Desk:
        return self.bot.desk

    async def settle(self) -> None:
        """Wait until every received event is worked off and all that it caused has been tried once."""
        await self.bot.intake.idle()
        await self.bot.delivery.sweep()

    async def teach(self, question: str, answer: str) -> Lesson:
        return await self.bot.desk.teach(question, answer)

    async def add_section(self, title: str, heading: str, text: str, link: str | None = None) -> None:
        section = Section(SectionId(new_id()), f"{title}.md", title, heading, text, link)
        await self.store.run(lambda unit: unit.documents.replace(section.source, new_id(), [section]))


@asynccontextmanager
async def open_house(
    tmp_path: Path,
    connectors: ConnectorsOf = lambda _: (),
    *,
    staff: Staff = STAFF,
    policy: Policy | None = None,
    profiles: Profiles | None = None,
    texts: Texts = ENGLISH,
    new_fact: Callable[[], FactId] = new_fact,
) -> AsyncIterator[House]:
    """Open the bot; delivery runs in the background until the house is closed."""
    store = open_store(tmp_path)
    files = AdapterFiles(tmp_path / "adapters")
    policy = policy or Policy(staff=staff)
    generator, knowledge = FakeGenerator(), LexicalKnowledge(store, policy.separate)
    house: House

    def plan(unit: Unit) -> Callable[[], RetrainPlan]:
        return lambda: house.plan

    parts = Parts(
        store=store, knowledge=knowledge, generator=generator, is_right=is_right, planner=plan, adapter_store=files,
        policy=policy, texts=texts, personal_data=Finder(), profiles=profiles, new_fact=new_fact,
    )  # fmt: skip
    bot = put_together(parts, connectors)
    house = House(bot, store, files, generator, knowledge)
    try:
        async with beside(bot.delivery.run()):
            yield house
    finally:
        store.close()
