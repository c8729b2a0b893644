"""What is known of an asker: it narrows the search and is told to the model, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot import profile as profile_module
from bot.answers import Answer, AnswerKind
from bot.feedback import Fact, Lesson, LessonSource
from bot.ids import FactId, LessonId, SectionId
from bot.people import Person
from bot.policy import Policy
from bot.profile import Profile, in_scope
from bot.retrieval import FactMatch, Retrieval, Section, SectionMatch
from bot.texts import ENGLISH
from tests.bot.events import CUSTOMER, NOW, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

PRODUCTS = frozenset({"Grove", "Orchard"})


@dataclass
class FakeProfiles:
    profile: Profile = field(default_factory=Profile)
    problem: Exception | None = None
    waits_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def of(self, person: Person) -> Profile:
        self.asked.append(person.key)
        await asyncio.sleep(self.waits_s)
        if self.problem is not None:
            raise self.problem
        return self.profile


@asynccontextmanager
async def knowing(folder: Path, chat: FakeConnector, profiles: FakeProfiles) -> AsyncIterator[House]:
    policy = Policy(staff=STAFF, products=PRODUCTS)
    german = replace(ENGLISH, handoff="Das weiß ich nicht sicher.")
    texts = replace(ENGLISH, translations={"de": german})
    async with open_house(folder, lambda _: [chat], policy=policy, profiles=profiles, texts=texts) as house:
        yield house


async def ask(house: House, chat: FakeConnector, text: str, person: Person = CUSTOMER) -> Answer:
    await house.desk.receive(message(text, person))
    await house.settle()
    return chat.answers[-1].answer


def known(topic: str) -> FactMatch:
    lesson = Lesson(
        id=LessonId(topic), fact=FactId(topic), question="Q?", answer="A.", author="faq:x", author_name="x",
        source=LessonSource.FAQ, taught_at=NOW, topic=topic,
    )  # fmt: skip
    return FactMatch(Fact(lesson, ("Q?",)), 0.9)


def section(source: str) -> SectionMatch:
    return SectionMatch(Section(SectionId(source), source, "T", "", "Text."), 0.9)


def test_what_belongs_to_another_product_is_left_out() -> None:
    found = Retrieval(
        (known("orchard"), known("Grove"), known("billing"), known("")),
        (section("help/Orchard/pause.md"), section("help/grove/pause.md"), section("help/pause.md")),
    )
    mine = in_scope(found, "grove", PRODUCTS)
    assert [match.fact.lesson.topic for match in mine.facts] == ["Grove", "billing", ""]
    assert [match.section.source for match in mine.sections] == ["help/grove/pause.md", "help/pause.md"]
    assert in_scope(found, "", PRODUCTS) == found


async def test_the_prompt_says_what_is_known_without_personal_data(tmp_path: Path, chat: FakeConnector) -> None:
    profiles = FakeProfiles(Profile(plan="Pro, of cara@studio.example", product="Grove"))
    async with knowing(tmp_path, chat, profiles) as house:
        await house.add_section("Passes", "", "A pass can be paused for 90 days.")
        await ask(house, chat, "Can a pass be paused?")
        prompt = house.generator.prompts[-1][0].content
    assert prompt.endswith("The customer uses Grove on the plan Pro, of <EMAIL_1>.")
    assert profiles.asked == [CUSTOMER.key]


@pytest.mark.parametrize("profiles", [FakeProfiles(problem=OSError("away")), FakeProfiles(waits_s=60.0)])
async def test_nobody_waits_for_it(
    tmp_path: Path, chat: FakeConnector, profiles: FakeProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_module, "PATIENCE_S", 0.01)
    async with knowing(tmp_path, chat, profiles) as house:
        await house.teach("Can I pause?", "Yes.")
        assert (await ask(house, chat, "Can I pause?")).text == "Yes."


async def test_the_fixed_words_are_in_the_askers_language_where_there_is_a_translation(
    tmp_path: Path, chat: FakeConnector
) -> None:
    async with knowing(tmp_path, chat, FakeProfiles()) as house:
        german = await ask(house, chat, "Darf mein Papagei mit?", replace(CUSTOMER, language="de-CH"))
        french = await ask(house, chat, "Est-ce que mon perroquet est admis?", replace(CUSTOMER, language="fr"))
        assert [german.kind, german.text, german.language] == [
            AnswerKind.HANDOFF,
            "Das weiß ich nicht sicher.",
            "de-CH",
        ]
        assert french.text == ENGLISH.handoff


async def test_the_profile_knows_the_language_better_than_the_platform(tmp_path: Path, chat: FakeConnector) -> None:
    async with knowing(tmp_path, chat, FakeProfiles(Profile(language="de"))) as house:
        answer = await ask(house, chat, "Darf mein Papagei mit?", replace(CUSTOMER, language="en-US"))
        assert answer.text == "Das weiß ich nicht sicher."


async def test_a_known_answer_stays_as_it_was_taught(tmp_path: Path, chat: FakeConnector) -> None:
    async with knowing(tmp_path, chat, FakeProfiles(Profile(language="de"))) as house:
        await house.teach("Can I pause?", "Yes, 90 days.")
        assert (await ask(house, chat, "Can I pause?")).text == "Yes, 90 days."
