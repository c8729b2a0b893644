"""Receipts: what a promoted adapter has made of each lesson is told once, where it was taught, when it changed."""

from dataclasses import replace

import pytest

from bot.events import Place
from bot.ids import AdapterId, LessonId, RunId
from bot.lineage import Adapter, Decision, Report, Run
from bot.people import Platform
from bot.policy import Policy
from bot.retraining import close
from bot.texts import ENGLISH
from bot.trying import Trying
from tests.bot.events import NOW, THREAD, command, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import House

OTHER_THREAD = Place(Platform.SLACK, "T1", "C1", "200.1")
QUESTIONS = ("Can I freeze my membership?", "Where do vouchers go?", "Who sees the payroll?")


@pytest.fixture
async def lessons(house: House, chat: FakeConnector) -> list[LessonId]:
    """Two lessons taught in one thread, one in another."""
    for question, place in zip(QUESTIONS, (THREAD, THREAD, OTHER_THREAD), strict=True):
        await house.desk.receive(message(question, place=place))
        await house.settle()
        asked = chat.answers[-1].answer.id
        await house.desk.receive(replace(correction(asked, question, f"Right answer to: {question}"), place=place))
        await house.settle()
    chat.posted.clear()
    taught = await house.desk.lessons()
    return [next(lesson.id for lesson in taught if lesson.question == question) for question in QUESTIONS]


async def end_run(
    house: House, number: int, lessons: list[LessonId], learned: list[LessonId],
    decision: Decision = Decision.PROMOTED, *, threads: bool = True,
) -> bool:  # fmt: skip
    adapter = Adapter(
        id=AdapterId(f"adapter-{number}"), number=number, run=RunId(f"run-{number}"), base_model="b", base_sha256="b",
        weights_sha256="w", dataset_sha256="d", lessons=tuple(lessons), recipe={}, created_at=NOW,
        learned=tuple(learned),
    )  # fmt: skip
    run = Run(id=adapter.run, slot=adapter.run, requested_by="me", requested_at=NOW, place=None)
    report = Report(
        decision=decision, reasons=("So it is.",), adapter=adapter.name, lessons=len(lessons), evaluation=None,
        seconds=1.0, learned=len(learned), not_yet=len(lessons) - len(learned),
    )  # fmt: skip
    await house.store.run(lambda unit: unit.runs.request(run))
    await house.store.run(lambda unit: unit.runs.claim("me", NOW, 60))
    trying = Trying(Policy(), ENGLISH, house.adapter_files, lambda: NOW, tell_threads=threads)
    closed = await house.store.run(lambda unit: close(unit, run, "me", report, adapter, trying))
    await house.settle()
    return closed is not None


def told(chat: FakeConnector) -> dict[str, str]:
    return {notice.place.key: notice.text for notice in chat.notices}


async def test_each_thread_is_told_once_of_all_that_was_learned_there(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    await end_run(house, 1, lessons, lessons)
    assert len(chat.notices) == 2
    assert told(chat)[THREAD.key].count("Learned in v1") == 2
    assert QUESTIONS[2] in told(chat)[OTHER_THREAD.key]


async def test_what_has_not_changed_is_not_told_again(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    await end_run(house, 1, lessons, lessons[:1])
    assert set(told(chat)) == {THREAD.key, OTHER_THREAD.key}
    chat.posted.clear()
    await end_run(house, 2, lessons, lessons[:1])
    assert chat.notices == []


async def test_what_it_was_taught_and_does_not_say_is_told_as_not_yet_and_once(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    await end_run(house, 1, lessons[:1], lessons[:1])
    assert "Not yet" not in str(told(chat))  # it was not taught the others
    chat.posted.clear()
    await end_run(house, 2, lessons, lessons[:2])
    assert told(chat)[THREAD.key] == ENGLISH.lesson_learned.format(adapter="v2", question=QUESTIONS[1])
    assert told(chat)[OTHER_THREAD.key] == ENGLISH.lesson_not_yet.format(adapter="v2", question=QUESTIONS[2])
    chat.posted.clear()
    await end_run(house, 3, lessons, lessons)
    assert told(chat) == {OTHER_THREAD.key: ENGLISH.lesson_learned.format(adapter="v3", question=QUESTIONS[2])}


async def test_a_lesson_that_was_unlearned_is_told_as_regressed(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    await end_run(house, 1, lessons, lessons)
    chat.posted.clear()
    await end_run(house, 2, lessons, lessons[:2])
    assert list(told(chat)) == [OTHER_THREAD.key]
    assert "v2 has unlearned" in told(chat)[OTHER_THREAD.key]


async def test_what_was_withdrawn_is_not_told_as_regressed(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    await end_run(house, 1, lessons, lessons)
    await house.store.run(lambda unit: unit.lessons.withdraw(lessons[2], NOW))
    chat.posted.clear()
    await end_run(house, 2, lessons[:2], lessons[:2])
    await end_run(house, 3, lessons, lessons[:2])
    assert chat.notices == []


@pytest.mark.parametrize("decision", [Decision.REJECTED, Decision.FAILED])
async def test_an_adapter_that_does_not_answer_has_told_no_thread(
    house: House, chat: FakeConnector, lessons: list[LessonId], decision: Decision
) -> None:
    await end_run(house, 1, lessons, lessons, decision)
    assert chat.notices == []


async def test_threads_are_left_alone_when_only_a_summary_is_wanted(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    await end_run(house, 1, lessons, lessons, threads=False)
    assert chat.notices == []


async def test_a_run_that_is_somebody_elses_tells_nothing(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    await end_run(house, 1, lessons, lessons[:1])
    chat.posted.clear()
    assert not await end_run(house, 1, lessons, lessons)  # closed already: nobody's any more
    assert chat.notices == []


async def test_why_and_status_tell_how_a_lesson_stands(
    house: House, chat: FakeConnector, lessons: list[LessonId]
) -> None:
    async def standing(question: str) -> str:
        await house.desk.receive(message(question))
        await house.settle()
        await house.desk.receive(command(f"why {chat.answers[-1].answer.id}"))
        await house.settle()
        return chat.notices[-1].text

    assert "lesson was" not in await standing(QUESTIONS[0])  # the base model answers
    await end_run(house, 1, lessons[:2], lessons[:1])
    await end_run(house, 3, lessons, lessons, Decision.REJECTED)  # it never answers, so it doesn't count
    assert "learned in v1" in await standing(QUESTIONS[0])
    assert "not yet learned" in await standing(QUESTIONS[1])
    assert "not trained on the lesson" in await standing(QUESTIONS[2])
    await end_run(house, 2, lessons[:2], lessons[1:2])
    assert "learned in v1, and is unlearned" in await standing(QUESTIONS[0])
    await house.desk.receive(command("status"))
    await house.settle()
    assert "Of 2 lessons that it was trained on, the adapter has learned 1." in chat.notices[-1].text
