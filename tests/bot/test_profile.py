"""What is known of an asker: it narrows the search and is told to the model, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import profile as profile_module
from bot.answers import Answer, AnswerKind
from bot.events import Place
from bot.feedback import Fact, Lesson, LessonSource
from bot.ids import FactId, LessonId, SectionId
from bot.outgoing import AnswerEdit
from bot.people import Person
from bot.policy import Policy
from bot.profile import Profile, in_scope
from bot.retrieval import FactMatch, Retrieval, Section, SectionMatch
from bot.texts import ENGLISH
from tests.bot.events import CUSTOMER, NOW, THREAD, correction, message, reaction
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


# --- channels in which one product is spoken of ---------------------------------------------------------------------

GROVE, ORCHARD = (replace(THREAD, channel=channel) for channel in ("C-grove", "C-orchard"))
QUESTION = "Can I pause my pass?"


@asynccontextmanager
async def with_channels(folder: Path, chat: FakeConnector) -> AsyncIterator[House]:
    policy = Policy(staff=STAFF, products=PRODUCTS, channel_products={"C-grove": "Grove", "C-orchard": "Orchard"})
    async with open_house(folder, lambda _: [chat], policy=policy) as house:
        yield house


async def ask_in(house: House, chat: FakeConnector, place: Place, text: str = QUESTION) -> Answer:
    await house.desk.receive(message(text, place=place))
    await house.settle()
    return chat.answers[-1].answer


async def teach_in(house: House, chat: FakeConnector, place: Place, answer: str) -> None:
    asked = await ask_in(house, chat, place)
    await house.desk.receive(correction(asked.id, QUESTION, answer))
    await house.settle()


async def test_what_is_taught_in_a_products_channel_is_answered_there(tmp_path: Path, chat: FakeConnector) -> None:
    async with with_channels(tmp_path, chat) as house:
        await teach_in(house, chat, GROVE, "Yes, for 90 days.")
        assert (await ask_in(house, chat, GROVE)).text == "Yes, for 90 days."
        assert (await ask_in(house, chat, ORCHARD)).kind is AnswerKind.HANDOFF
        assert (await ask_in(house, chat, THREAD)).text == "Yes, for 90 days."  # here any product is spoken of


async def test_each_product_has_its_own_answer_to_the_same_question(tmp_path: Path, chat: FakeConnector) -> None:
    async with with_channels(tmp_path, chat) as house:
        await teach_in(house, chat, GROVE, "Yes, for 90 days.")
        await teach_in(house, chat, ORCHARD, "No.")
        assert (await ask_in(house, chat, GROVE)).text == "Yes, for 90 days."
        assert (await ask_in(house, chat, ORCHARD)).text == "No."


async def test_the_same_answer_in_another_products_channel_is_known_there_too(
    tmp_path: Path, chat: FakeConnector
) -> None:
    async with with_channels(tmp_path, chat) as house:
        await teach_in(house, chat, GROVE, "Yes, for 90 days.")
        await teach_in(house, chat, ORCHARD, "Yes, for 90 days.")
        assert (await ask_in(house, chat, ORCHARD)).text == "Yes, for 90 days."
        assert {lesson.topic for lesson in await house.desk.lessons()} == {"Grove", "Orchard"}


async def test_a_new_version_stays_with_its_product(tmp_path: Path, chat: FakeConnector) -> None:
    async with with_channels(tmp_path, chat) as house:
        await teach_in(house, chat, GROVE, "Yes, for 90 days.")
        await teach_in(house, chat, THREAD, "Yes, for 30 days.")
        await house.teach(QUESTION, "Yes, for 60 days.")
        assert {(lesson.topic, lesson.fact) for lesson in await house.desk.lessons()} == {
            ("Grove", (await house.desk.lessons())[0].fact)
        }
        assert (await ask_in(house, chat, ORCHARD)).kind is AnswerKind.HANDOFF


async def test_the_channel_says_more_than_what_is_known_of_the_asker(tmp_path: Path, chat: FakeConnector) -> None:
    profiles = FakeProfiles(Profile(product="Orchard"))
    policy = Policy(staff=STAFF, products=PRODUCTS, channel_products={"C-grove": "Grove"})
    async with open_house(tmp_path, lambda _: [chat], policy=policy, profiles=profiles) as house:
        await teach_in(house, chat, GROVE, "Yes, for 90 days.")
        assert (await ask_in(house, chat, GROVE)).text == "Yes, for 90 days."
        assert (await ask_in(house, chat, THREAD)).kind is AnswerKind.HANDOFF


async def test_an_approved_answer_belongs_to_its_channels_product(tmp_path: Path, chat: FakeConnector) -> None:
    async with with_channels(tmp_path, chat) as house:
        await house.add_section("Pause", "Pausing a pass", "Your pass can be paused for 90 days in the app.")
        asked = await ask_in(house, chat, GROVE)
        assert asked.kind is AnswerKind.GROUNDED
        await house.desk.receive(reaction("white_check_mark", chat.last_message()))
        await house.settle()
        assert [lesson.topic for lesson in await house.desk.lessons()] == ["Grove"]


async def test_a_correction_amends_no_answer_in_another_products_channel(tmp_path: Path, chat: FakeConnector) -> None:
    async with with_channels(tmp_path, chat) as house:
        await house.add_section("Pause", "Pausing a pass", "Your pass can be paused for 90 days in the app.")
        for place in (ORCHARD, THREAD, GROVE):
            asked = await ask_in(house, chat, place)
            assert asked.kind is AnswerKind.GROUNDED
        taught = correction(asked.id, QUESTION, "Yes, for 30 days.")
        await house.desk.receive(replace(taught, at=datetime.now(UTC)))
        await house.settle()
        await house.bot.amending.look()
        await house.settle()
        amended = {each.place.channel for each in chat.posted if isinstance(each, AnswerEdit)}
        assert amended == {THREAD.channel, GROVE.channel}
