"""The dry run: what a retraining would do, in numbers, and why it would be refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from threading import get_ident

import pytest

from bot.answers import Answer, AnswerKind
from bot.events import Place
from bot.feedback import Gesture, Hold, Lesson, LessonSource, Rating, facts_of
from bot.ids import SHARED, AdapterId, AnswerId, FactId, LessonId, RunId, SectionId, first_id
from bot.lineage import Adapter, Changing, Deployment, Found, Move, RetrainPlan, Run
from bot.people import Person, Platform
from bot.ports import Unit
from bot.retraining import planned as told_plan
from bot.retrieval import Section
from learning.dataset import MIN_LESSONS, MIN_PHRASINGS, build
from learning.encoder import MpnetEncoder
from learning.examples import Kind
from learning.planning import plan, read, rejected_answers, remember_speed, work_of
from learning.planning import planned as made_plan
from learning.recipe import Method, Recipe
from storage.database import SqlStore
from tests.fakes.encoder import HashingEncoder
from tests.learning.samples import NOW, again, keep, lesson


def planned(store: SqlStore, recipe: Recipe | None = None, most_minutes: int = 0) -> RetrainPlan:
    return store.run_sync(lambda unit: plan(unit, recipe or Recipe(), "tiny", most_minutes))


def adapter(*learned: LessonId) -> Adapter:
    return Adapter(
        id=AdapterId("a1"), number=1, run=RunId("r1"), base_model="tiny", base_sha256="b", weights_sha256="w",
        dataset_sha256="d", lessons=learned, recipe={}, created_at=NOW,
    )  # fmt: skip


def test_nothing_known_is_refused_in_words(store: SqlStore) -> None:
    nothing = planned(store)
    assert nothing.refusals == (f"There are 0 lessons, and {MIN_LESSONS} are needed before training makes sense.",)
    assert (nothing.usable, nothing.new, nothing.examples) == (0, 0, 0)


def test_one_lesson_decides_whether_it_may_start(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(MIN_LESSONS - 1))))
    assert planned(store).refusals
    store.run_sync(lambda unit: keep(unit, lesson(MIN_LESSONS)))
    assert planned(store).refusals == ()


@pytest.mark.parametrize("source", [LessonSource.FAQ, LessonSource.APPROVAL])
def test_what_nobody_submitted_as_a_lesson_does_not_count_as_one(store: SqlStore, source: LessonSource) -> None:
    store.run_sync(lambda unit: keep(unit, *(lesson(number, source=source) for number in range(40))))
    told = planned(store)
    assert told.refusals[0].startswith("There are 0 lessons")
    assert told.new == 0


def test_withdrawn_lessons_do_not_count(store: SqlStore) -> None:
    def teach_and_withdraw(unit: Unit) -> None:
        keep(unit, *map(lesson, range(MIN_LESSONS)))
        unit.lessons.withdraw(lesson(3).id, NOW)

    store.run_sync(teach_and_withdraw)
    assert planned(store).refusals


def test_it_counts_what_the_run_will_do(store: SqlStore) -> None:
    double = replace(lesson(50), question=lesson(0).question, answer=lesson(0).answer)
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(40)), double))
    told = planned(store)
    assert told.new == 41
    assert told.duplicates == 1
    assert told.held_out > 0
    assert told.usable + told.held_out + told.duplicates == 41
    assert 2 * told.usable <= told.examples <= (1 + MIN_PHRASINGS) * told.usable  # from memory, and from the text
    assert told.minutes > 0


def test_what_came_before_the_live_adapters_training_is_not_new(store: SqlStore) -> None:
    def teach_and_deploy(unit: Unit) -> None:
        keep(unit, *map(lesson, range(12)))  # one a minute
        when = NOW + timedelta(minutes=9)
        unit.runs.request(Run(id=RunId("r1"), slot="x", requested_by="test", requested_at=when))
        unit.adapters.add(adapter(*(lesson(number).id for number in range(10))))
        unit.adapters.deploy(Deployment(Move.PROMOTE, AdapterId("a1"), "test", NOW))

    store.run_sync(teach_and_deploy)
    assert planned(store).new == 2
    store.run_sync(lambda unit: unit.adapters.deploy(Deployment(Move.ROLLBACK, None, "test", NOW)))
    assert planned(store).new == 12


def test_more_epochs_take_longer(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    assert planned(store, Recipe(epochs=4)).minutes > planned(store, Recipe(epochs=2)).minutes


def took(store: SqlStore, training_s: float, judging_s: float, recipe: Recipe | None = None) -> None:
    """A training of the lessons at hand has taken that long."""
    recipe = recipe or Recipe()

    def remember(unit: Unit) -> None:
        dataset = build(facts_of(unit.lessons.all(), unit.lessons.phrasings()), [], recipe.seed)
        remember_speed(unit, recipe, "tiny", work_of(dataset, recipe), training_s, judging_s)

    store.run_sync(remember)


def test_the_next_estimate_is_what_this_machine_took(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    took(store, 1000.0, 234.0)
    assert planned(store).minutes * 60 == pytest.approx(1234.0)
    took(store, 200.0, 100.0)
    assert planned(store).minutes * 60 == pytest.approx(300.0)


def test_more_epochs_cost_training_and_no_judging(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    took(store, 200.0, 100.0)
    assert planned(store, Recipe(epochs=3 * Recipe().epochs)).minutes * 60 == pytest.approx(3 * 200.0 + 100.0)


def test_a_speed_holds_for_its_method_alone(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    took(store, 1.0, 1.0, Recipe(method="dpo"))
    assert planned(store).minutes * 60 > 10.0
    assert planned(store, Recipe(method="dpo")).minutes * 60 == pytest.approx(2.0)


def test_what_is_known_to_take_too_long_is_refused_with_the_numbers(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    assert planned(store, most_minutes=1).refusals == ()  # a guess refuses nothing
    took(store, 500.0, 100.0)
    (refusal,) = planned(store, most_minutes=9).refusals
    assert refusal.startswith("It would take about 10 minutes, and MENTEE_TRAINING_MINUTES allows 9. Raise it,")
    assert planned(store, most_minutes=11).refusals == ()
    assert planned(store, most_minutes=0).refusals == ()


def correct(store: SqlStore, number: int, kind: AnswerKind = AnswerKind.GROUNDED) -> Lesson:
    """The bot says something, and an agent corrects it."""
    said = Answer(kind=kind, question="?", text=f"No idea about {number}.", confidence=0.5, latency_ms=1.0)
    taught = replace(lesson(number), about=said.id)

    def work(unit: Unit) -> None:
        unit.answers.add(said, Place(Platform.SLACK, "T1", "C1"), Person(Platform.SLACK, "U1", "Ana"))
        keep(unit, taught)

    store.run_sync(work)
    return taught


def rejected(store: SqlStore) -> dict[FactId, str]:
    return store.run_sync(lambda unit: rejected_answers(unit, facts_of(unit.lessons.all(), unit.lessons.phrasings())))


def test_what_the_model_wrote_and_an_agent_corrected_is_a_rejected_answer(store: SqlStore) -> None:
    taught = correct(store, 1)
    store.run_sync(lambda unit: keep(unit, lesson(2)))
    assert rejected(store) == {taught.fact: "No idea about 1."}


@pytest.mark.parametrize("kind", [AnswerKind.KNOWN, AnswerKind.HANDOFF, AnswerKind.CLARIFY])
def test_what_the_model_did_not_write_is_none(store: SqlStore, kind: AnswerKind) -> None:
    correct(store, 1, kind)
    assert rejected(store) == {}


def test_an_answer_that_was_approved_is_none(store: SqlStore) -> None:
    taught = correct(store, 1)
    approved = replace(
        taught, id=LessonId("later"), source=LessonSource.APPROVAL, taught_at=taught.taught_at + timedelta(hours=1)
    )
    store.run_sync(lambda unit: keep(unit, approved))
    assert rejected(store) == {}


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_preferences_are_refused_while_nothing_was_corrected(store: SqlStore, method: Method) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    (refusal,) = planned(store, Recipe(method=method)).refusals
    assert refusal.startswith(f"The method {method} learns from answers that agents corrected, and there are none")
    assert refusal.endswith("Correct some, or set MENTEE_TRAINING_METHOD=sft.")
    assert planned(store, Recipe(method="sft")).refusals == ()
    for number in range(20, 25):
        correct(store, number)
    assert planned(store, Recipe(method=method)).refusals == ()


def write(store: SqlStore, question: str, text: str, *, when: datetime = NOW, retracted: bool = False) -> Answer:
    """The model has written it, in a channel."""
    said = Answer(
        kind=AnswerKind.GROUNDED, question=question, text=text, confidence=0.9, latency_ms=1.0,
        id=AnswerId(first_id(when)[:-4] + f"{next(NUMBERS):04}"),
    )  # fmt: skip

    def work(unit: Unit) -> None:
        unit.answers.add(said, Place(Platform.SLACK, "T1", "C1"), Person(Platform.SLACK, "U1", "Ana"))
        if retracted:
            unit.answers.retract(said.id)

    store.run_sync(work)
    return said


NUMBERS = count(1)


def expected(store: SqlStore) -> Changing:
    return store.run_sync(lambda unit: plan(unit, Recipe(), "tiny", clock=lambda: NOW + timedelta(days=1))).changing


def test_it_names_the_written_answers_that_a_lesson_answers_otherwise(store: SqlStore) -> None:
    taught = [lesson(number) for number in range(20)]
    about = write(store, "Something in other words?", "No idea.")
    write(store, taught[1].question, "Nobody knows.")
    write(store, f"Please, {taught[1].question.lower()}", "Nobody knows.")  # the same question, in the same words
    write(store, taught[2].question, taught[2].answer)  # it wrote what was taught
    write(store, "What about ducks?", "They swim.")
    write(store, taught[3].question, "Long ago.", when=NOW - timedelta(days=7))
    write(store, taught[4].question, "Taken back.", retracted=True)
    store.run_sync(lambda unit: keep(unit, replace(taught[0], about=about.id), *taught[1:]))
    told = expected(store)
    assert told.written == 5
    assert set(told.questions) == {"Something in other words?", f"Please, {taught[1].question.lower()}"}
    assert told.untaught == 0


def test_a_cross_that_nobody_has_followed_by_a_lesson_changes_nothing_and_is_counted(store: SqlStore) -> None:
    ducks, geese = write(store, "What about ducks?", "They swim."), write(store, "What about geese?", "They fly.")
    write(store, "What about swans?", "They sing.")

    def mark(unit: Unit) -> None:
        for each in (ducks, geese):
            unit.ratings.put(Rating(each.id, "slack:U2", Gesture.REJECT, trusted=False, at=NOW))
        overheard = replace(lesson(1), about=geese.id, source=LessonSource.REPLY)  # known by now, and not trained on
        keep(unit, overheard)

    store.run_sync(mark)
    assert (expected(store).untaught, expected(store).questions) == (1, ())


def test_what_would_not_be_trained_on_is_expected_to_change_nothing(store: SqlStore) -> None:
    kept_out = replace(lesson(1), trainable=False)
    write(store, kept_out.question, "Nobody knows.")
    store.run_sync(lambda unit: keep(unit, kept_out, lesson(2)))
    assert expected(store).questions == ()


def test_where_workspaces_do_not_share_no_question_of_one_is_named(store: SqlStore) -> None:
    write(store, lesson(1).question, "Nobody knows.")
    store.run_sync(lambda unit: keep(unit, lesson(1)))
    told = store.run_sync(lambda unit: plan(unit.within(SHARED), Recipe(), "tiny", clock=lambda: NOW))
    assert told.changing == Changing()
    assert expected(store).written == 1


def test_personal_data_is_counted_as_it_was_replaced_and_as_it_stands(store: SqlStore) -> None:
    asks = replace(lesson(1), question="Why did <EMAIL_1> and <EMAIL_2> hear nothing from <NAME_1>?")
    says = replace(lesson(2), answer="Write to help@grove.example.")
    left_out = replace(lesson(3), answer="Write to nobody@grove.example.", trainable=False)
    store.run_sync(lambda unit: keep(unit, asks, says, left_out))
    assert planned(store).personal_data == Found({"EMAIL": 2, "NAME": 1}, {"EMAIL": 1})


def test_conflicts_are_counted_by_their_kind(store: SqlStore) -> None:
    section = Section(SectionId("s1"), "pass.md", "Passes", "", "A class pass can be paused for 30 days in the app.")
    against = replace(
        lesson(1), question="How long can a class pass be paused?", contradicts=section.id,
        answer="A class pass can be paused for 90 days in the app.",
    )  # fmt: skip
    otherwise = replace(lesson(30), question=lesson(2).question)
    same = replace(lesson(31), question=lesson(3).question, answer=lesson(3).answer)

    def work(unit: Unit) -> None:
        unit.documents.replace(section.source, "sha", [section])
        keep(unit, against, *map(lesson, range(2, 12)), otherwise, same, replace(lesson(32), doubted_by="gone.md"))
        keep(unit, lesson(33))
        unit.lessons.hold(lesson(33).id, Hold.DISPUTED, NOW)

    store.run_sync(work)
    told = planned(store)
    assert (told.against_pages, told.waiting) == (2, 1)
    assert told.two_answers == ((lesson(2).question, f"{lesson(2).answer} · {otherwise.answer}"),)


def test_a_question_with_two_answers_is_not_trained_on(store: SqlStore) -> None:
    both = lesson(2), replace(lesson(30), question=lesson(2).question)
    other = replace(again(lesson(2), f"Tell me: {lesson(2).question}"), id=LessonId("again"))

    def made(unit: Unit) -> tuple[set[str], set[FactId]]:
        keep(unit, *map(lesson, range(3, 13)), *both, other)
        train = made_plan(read(unit, Recipe(), "tiny"), Recipe(), "tiny")[0].dataset.train
        return {text for example in train for text in (example.messages[-1].content,)}, {each.fact for each in train}

    asked, facts = store.run_sync(made)
    assert not any(lesson(2).question == text for text in asked)
    assert other.question in asked
    assert lesson(30).fact not in facts


async def test_it_is_worked_out_beside_the_transactions(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    seen: dict[str, int] = {}

    def planner(unit: Unit) -> Callable[[], RetrainPlan]:
        known = read(unit, Recipe(), "tiny")
        seen["read in"] = get_ident()

        def work() -> RetrainPlan:
            seen["worked out in"] = get_ident()
            return made_plan(known, Recipe(), "tiny")[1]

        return work

    assert await told_plan(store, planner) == planned(store)
    assert seen["worked out in"] not in (seen["read in"], get_ident())


def test_a_question_with_another_facts_answer_is_told_and_not_judged(store: SqlStore) -> None:
    wrong = "Please: how can I cancel a voucher under billing, voucher cancel?"

    def teach(unit: Unit) -> list[str]:
        for number in range(20):
            known = lesson(number)
            others = [again(known, f"Tell me: {known.question}")]
            if number == 11:
                others.append(replace(again(known, wrong), id=LessonId("pasted")))
            keep(unit, *others, known)
        facts = facts_of(unit.lessons.all(), unit.lessons.phrasings())
        texts = [text for fact in facts for text in (fact.lesson.answer, *fact.phrasings)]
        rows = HashingEncoder().encode(texts)
        unit.vectors.put(MpnetEncoder.name, {text: row.tobytes() for text, row in zip(texts, rows, strict=True)})
        judged = made_plan(read(unit, Recipe(), "tiny"), Recipe(), "tiny")[0].dataset.judge
        return [example.messages[-1].content for example in judged if example.kind is Kind.RECALL]

    judged = store.run_sync(teach)
    assert planned(store).suspected == ((wrong, lesson(11).answer),)
    assert wrong not in judged
