"""`blame`: down to the lessons, pages and adapter behind an answer, who taught each and when, and what can be done."""

from dataclasses import replace
from datetime import timedelta

from bot.answers import Answer, AnswerKind
from bot.feedback import Lesson, LessonSource
from bot.ids import AdapterId, FactId, LessonId, RunId, Tenant
from bot.lineage import Adapter, Deployment, Move
from bot.people import Person
from bot.ports import Unit
from bot.texts import ENGLISH
from tests.bot.events import ADMIN, AGENT, CUSTOMER, NOW, command, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House

QUESTION = "How long is the trial?"


async def give(house: House, chat: FakeConnector, text: str, person: Person = AGENT) -> str:
    await house.desk.receive(command(text, person))
    await house.settle()
    return chat.notices[-1].text


async def ask(house: House, chat: FakeConnector, question: str = QUESTION) -> Answer:
    await house.desk.receive(message(question))
    await house.settle()
    return chat.answers[-1].answer


async def correct(house: House, chat: FakeConnector, answer: Answer, text: str, by: Person = AGENT) -> None:
    await house.desk.receive(correction(answer.id, QUESTION, text, by))
    await house.settle()


def adapter(number: int, *lessons: LessonId, start: str | None = None) -> Adapter:
    return Adapter(
        id=AdapterId(f"a{number}"), number=number, run=RunId(f"r{number}"), base_model="tiny", base_sha256="b",
        weights_sha256="w", dataset_sha256="d", lessons=lessons, recipe={}, created_at=NOW,
        start=AdapterId(start) if start is not None else None,
    )  # fmt: skip


def lesson(number: int, question: str, answer: str, name: str, tenant: str = "") -> Lesson:
    return Lesson(
        id=LessonId(f"lesson-{number:08}"), fact=FactId(f"f{number}"), question=question, answer=answer,
        author=f"slack:U-{name}", author_name=name, source=LessonSource.TAUGHT, taught_at=NOW, tenant=Tenant(tenant),
    )  # fmt: skip


async def test_a_known_answer_leads_to_its_lesson_its_versions_and_what_can_be_done(
    house: House, chat: FakeConnector
) -> None:
    await correct(house, chat, await ask(house, chat), "21 days.")
    await house.desk.receive(
        replace(correction(chat.answers[-1].answer.id, QUESTION, "30 days.", ADMIN), at=NOW + timedelta(days=2))
    )
    await house.settle()
    old, new = await house.desk.lessons()
    said = await give(house, chat, f"blame {(await ask(house, chat)).id}")
    first, *lines = said.splitlines()
    assert first.startswith(f"“{QUESTION}” → known")
    assert lines[:2] == [
        "It comes from:",
        f"• `{new.id[-8:]}` of Adam, 2026-11-03 12:00, a correction, in use: “{QUESTION}” → “30 days.”",
    ]
    older = f"• `{old.id[-8:]}` of Ana, 2026-11-01 12:00, a correction, replaced by a newer version: "
    older += f"“{QUESTION}” → “21 days.”"
    assert older in lines[lines.index("Other versions of it:") :]
    assert f"“{QUESTION}” is nearest in words; it came with `{new.id[-8:]}`" in said
    assert f"`/mentee drop {new.id[-8:]}`" in said
    assert ENGLISH.remedy_adapter not in said


async def test_what_a_tick_brought_is_named_with_who_put_it(house: House, chat: FakeConnector) -> None:
    await house.teach(QUESTION, "21 days.")
    await ask(house, chat, "So how long is the trial?")
    await house.desk.receive(reaction("✅", chat.last_message()))
    await house.settle()
    again = await ask(house, chat, "So how long is the trial?")
    said = await give(house, chat, f"blame {again.id}")
    assert f"“So how long is the trial?” is nearest in words; it came with a ✅ of {AGENT.key}." in said


async def test_a_written_answer_leads_to_its_page_and_to_all_that_its_adapter_learned(
    house: House, chat: FakeConnector
) -> None:
    await house.add_section("Trial", "", "The trial lasts for 21 days.")

    def train(unit: Unit) -> None:
        near = lesson(
            1, "May a manager add weeks for everybody on the team?", "No, a trial ends for all on one day.", "Ana"
        )
        far = [lesson(number, f"Where is shelf {number}?", "In the hall.", "Ben") for number in (2, 3)]
        for each in (near, *far):
            unit.lessons.add(each)
        unit.adapters.add(adapter(1, near.id))
        unit.adapters.add(adapter(2, near.id, *(each.id for each in far), LessonId("erased"), start="a1"))
        unit.adapters.deploy(Deployment(Move.PROMOTE, AdapterId("a2"), "the gate", NOW + timedelta(hours=1)))

    await house.store.run(train)
    house.generator.adapter = AdapterId("a2")
    answer = await ask(house, chat)
    assert answer.kind is AnswerKind.GROUNDED
    said = await give(house, chat, f"blame {answer.id}")
    assert "• “Trial” in Trial.md, as it was then" in said
    assert "Written by v2 ← v1, trained 2026-11-01 12:00 on tiny with 4 lessons and FAQ entries." in said
    assert "Taught by: 2 Ben, 1 Ana. It answers since 2026-11-01 13:00. 1 of them are not shown" in said
    nearest = said[said.index(ENGLISH.blame_nearest) : said.index(ENGLISH.blame_remedies)]
    assert "May a manager add weeks for everybody on the team?" in nearest
    assert "shelf" not in said
    assert "Change Trial.md, and load it again." in said
    assert ENGLISH.remedy_adapter in said

    await house.add_section("Trial", "", "The trial lasts for 30 days.")
    back = Deployment(Move.ROLLBACK, None, "slack:U-adam", NOW + timedelta(hours=2))
    await house.store.run(lambda unit: unit.adapters.deploy(back))
    await correct(house, chat, answer, "30 days.")
    later = await give(house, chat, f"blame {answer.id}")
    assert "as it was then" not in later
    assert ENGLISH.remedy_adapter not in later  # it answers no more
    assert later.index("Taught about this answer since:") < later.index("“30 days.”")


async def test_a_hand_off_and_a_question_back_are_traced_too(house: House, chat: FakeConnector) -> None:
    handoff = await ask(house, chat, "Why is the sky blue?")
    assert "handoff" in await give(house, chat, f"blame {handoff.id}")
    await house.teach(QUESTION, "21 days.")
    asked_back = await ask(house, chat, "Is the trial something else altogether?")
    assert asked_back.kind is AnswerKind.CLARIFY
    assert "“21 days.”" in await give(house, chat, f"blame {asked_back.id}")


async def test_of_many_versions_the_newest_are_listed(house: House, chat: FakeConnector) -> None:
    def teach(unit: Unit) -> None:
        for number in range(9):
            version = lesson(number, QUESTION, f"{number + 10} days.", "Ana")
            unit.lessons.add(replace(version, fact=FactId("f"), taught_at=NOW + timedelta(minutes=number)))

    await house.store.run(teach)
    said = await give(house, chat, f"blame {(await ask(house, chat)).id}")
    listed = [number for number in range(9) if f"“{number + 10} days.”" in said]
    assert listed == [3, 4, 5, 6, 7, 8]  # the one that was said, and the five before it
    assert "… and 3 more." in said


async def test_its_remedy_works_and_what_was_taught_before_holds_again(house: House, chat: FakeConnector) -> None:
    await correct(house, chat, await ask(house, chat), "21 days.")
    await house.desk.receive(
        replace(correction(chat.answers[-1].answer.id, QUESTION, "30 days.", ADMIN), at=NOW + timedelta(days=2))
    )
    await house.settle()
    answer = await ask(house, chat)
    answered, new = chat.answers[-1], (await house.desk.lessons())[-1]
    drop = f"drop {new.id[-8:]}"
    assert drop in await give(house, chat, f"blame {answer.id}")
    assert await give(house, chat, drop, AGENT) == ENGLISH.not_admin.format(verb="drop")
    await house.desk.receive(command(drop))
    await house.settle()
    assert f"{ENGLISH.dropped_by_you} Before it, Ana taught “21 days.”" in chat.notices[-2].text
    receipt = chat.notices[-1]  # in the thread where it was noted, for all to see
    assert (receipt.to, receipt.place) == (None, answered.place)
    assert receipt.text == ENGLISH.dropped.format(by="Adam", name="Adam", question=QUESTION)
    assert (await ask(house, chat)).text == "21 days."
    assert f"dropped by {ADMIN.key}" in await give(house, chat, f"blame {answer.id}")
    entries = await house.store.run(lambda unit: unit.audit.entries())
    assert (entries[-1].act, entries[-1].subject) == ("dropped", new.id)
    assert "No lesson goes by" in await give(house, chat, drop, ADMIN)


async def test_a_slip_of_the_finger_and_an_entry_of_a_file_drop_nothing(house: House, chat: FakeConnector) -> None:
    kept = await house.teach(QUESTION, "21 days.")
    entry = replace(lesson(7, "Do you ship?", "Yes.", "faq.csv"), source=LessonSource.FAQ)
    await house.store.run(lambda unit: unit.lessons.add(entry))
    for named in (kept.id[-1:], kept.id[-7:], entry.id):
        assert "No lesson goes by" in await give(house, chat, f"drop {named}", ADMIN)
    assert all(each.withdrawn_at is None for each in await house.desk.lessons())
    said = await give(house, chat, f"blame {(await ask(house, chat, 'Do you ship?')).id}")
    assert "Change the entry in faq.csv" in said
    assert "/mentee drop" not in said


async def test_only_staff_see_it(house: House, chat: FakeConnector) -> None:
    answer = await ask(house, chat)
    assert await give(house, chat, f"blame {answer.id}", CUSTOMER) == ENGLISH.not_staff.format(verb="blame")
    assert await give(house, chat, "blame nothing") == ENGLISH.no_such_answer
