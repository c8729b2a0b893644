"""Two workspaces, one bot: what is taught in one is neither answered, shown, amended nor weighed in the other."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Staff
from bot.answers import Answer, AnswerKind
from bot.errors import BadInput, NotAllowed
from bot.events import Place
from bot.feedback import Hold, Lesson, LessonSource, Phrasing, facts_of
from bot.ids import SHARED, FactId, LessonId, Tenant, new_id
from bot.outgoing import AnswerEdit
from bot.passes import PassKind
from bot.people import Platform
from bot.policy import Policy
from bot.tenants import facts_by_tenant, named, seen, tenant_of
from bot.trust import PROVEN_AFTER
from connectors.web.parsing import place_of
from deploy.parts import open_kept
from deploy.settings import Settings
from deploy.uploads import Uploads
from deploy.wiring import utc_now
from tests.bot.events import ADMIN, AGENT, NOW, THREAD, chosen, command, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house

E = TypeVar("E")

A, B = THREAD, replace(THREAD, workspace="T2")
ONE, TWO = Tenant("slack:T1"), Tenant("slack:T2")
QUESTION, SECRET = "What does the wholesale rate cost?", "Acme pays 12 EUR a crate."
STAFF = Staff(
    agents=frozenset({"agents", "web:agent"}), admins=frozenset({"admins", "web:admin", "U-owner"}), separate=True
)


@pytest.fixture
async def house(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    policy = Policy(staff=STAFF, separate=True)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as opened:
        yield opened


def at(event: E, place: Place) -> E:
    """There, and now: the operator's lessons are of now, too, and the newest wins."""
    return replace(event, place=place, at=utc_now())  # type: ignore[type-var]


async def ask(house: House, chat: FakeConnector, question: str, place: Place) -> Answer:
    await house.desk.receive(message(question, place=replace(place, thread=new_id())))
    await house.settle()
    return chat.answers[-1].answer


async def teach(house: House, chat: FakeConnector, question: str, answer: str, place: Place) -> Lesson:
    """By the form, in a workspace."""
    asked = await ask(house, chat, question, place)
    await house.desk.receive(at(correction(asked.id, question, answer), place))
    await house.settle()
    return [lesson for lesson in await house.desk.lessons() if lesson.tenant == tenant_of(place)][-1]


async def said(house: House, chat: FakeConnector, text: str, place: Place) -> str:
    await house.desk.receive(at(command(text), place))
    await house.settle()
    return chat.notices[-1].text


async def test_a_lesson_answers_where_it_was_taught_and_nowhere_else(house: House, chat: FakeConnector) -> None:
    lesson = await teach(house, chat, QUESTION, SECRET, A)
    assert lesson.tenant == ONE
    assert (await ask(house, chat, QUESTION, A)).text == SECRET
    there = await ask(house, chat, QUESTION, B)
    assert (there.kind, there.candidates) == (AnswerKind.HANDOFF, ())
    assert (await house.desk.ask(QUESTION)).kind is AnswerKind.HANDOFF
    assert (await house.desk.ask(QUESTION, tenant=ONE)).text == SECRET


async def test_it_is_not_asked_back_elsewhere_nor_shown_to_who_names_it(house: House, chat: FakeConnector) -> None:
    lesson = await teach(house, chat, QUESTION, SECRET, A)
    near = "wholesale rate?"
    assert (await ask(house, chat, near, A)).candidates or (await ask(house, chat, near, A)).text == SECRET
    there = await ask(house, chat, near, B)
    assert there.candidates == ()
    assert "wholesale" not in " ".join(there.tried).replace(near, "")
    await house.desk.receive(at(chosen(there, lesson.fact), B))
    await house.settle()
    assert chat.answers[-1].answer.kind is AnswerKind.HANDOFF


async def test_what_the_operator_teaches_and_loads_is_everybodys_until_one_corrects_it(
    house: House, chat: FakeConnector
) -> None:
    shared = await house.teach("How long is the warranty?", "Two years from the day of delivery.")
    assert shared.tenant == SHARED
    for place in (A, B):
        assert (await ask(house, chat, "How long is the warranty?", place)).text == shared.answer
    own = await teach(house, chat, "How long is the warranty?", "Three years from the day of delivery.", A)
    assert own.fact == shared.fact
    assert (await ask(house, chat, "How long is the warranty?", A)).text == own.answer
    assert (await ask(house, chat, "How long is the warranty?", B)).text == shared.answer
    await house.store.run(lambda unit: unit.lessons.withdraw(own.id, NOW))
    assert (await ask(house, chat, "How long is the warranty?", A)).text == shared.answer


async def test_no_listing_shows_what_was_taught_elsewhere(house: House, chat: FakeConnector) -> None:
    lesson = await teach(house, chat, QUESTION, SECRET, A)
    await house.store.run(lambda unit: unit.lessons.hold(lesson.id, Hold.UNTRUSTED, NOW))
    assert SECRET in await said(house, chat, "review", A)
    assert SECRET not in await said(house, chat, "review", B)
    assert "1" in await said(house, chat, "status", A)
    assert (await house.desk.status(B)).held == 0
    assert "No lesson" in await said(house, chat, f"accept {lesson.id[-8:]}", B)
    assert (await house.desk.held(B), len(await house.desk.held(A))) == ([], 1)
    assert (await house.desk.lessons(B), await house.desk.suggestions(B)) == ([], [])
    assert (await house.desk.home(AGENT, B)).lessons == ()
    page = place_of(uuid4(), TWO)
    assert await house.desk.lessons(page) == []
    assert len(await house.desk.lessons(place_of(uuid4()))) == 1  # the operator's own page


async def test_an_answer_of_another_workspace_can_neither_be_explained_nor_corrected_nor_rated(
    house: House, chat: FakeConnector
) -> None:
    await teach(house, chat, QUESTION, SECRET, A)
    answer = await ask(house, chat, QUESTION, A)
    assert "wholesale" in await said(house, chat, f"why {answer.id}", A)
    assert "wholesale" not in await said(house, chat, f"why {answer.id}", B)
    with pytest.raises(BadInput):
        await house.desk.correction_form(answer.id, AGENT, B)
    await house.desk.receive(at(correction(answer.id, QUESTION, "Nothing at all."), B))
    await house.desk.receive(at(reaction("x", chat.last_message()), B))
    await house.settle()
    assert (await ask(house, chat, QUESTION, A)).text == SECRET
    assert await house.store.run(lambda unit: unit.ratings.of(answer.id)) == []


async def test_a_correction_amends_no_answer_elsewhere(house: House, chat: FakeConnector) -> None:
    await house.teach("How long is the warranty?", "Two years from the day of delivery.")
    for place in (A, B):
        await ask(house, chat, "How long is the warranty?", place)
    await teach(house, chat, "How long is the warranty?", "Three years from the day of delivery.", A)
    await house.bot.amending.look()
    await house.settle()
    edited = {post.place.workspace for post in chat.posted if isinstance(post, AnswerEdit)}
    assert edited == {"T1"}
    told = [notice.text for notice in chat.notices if notice.place.workspace == "T2"]
    assert not any("Three years" in text for text in told)


async def test_who_is_believed_in_one_workspace_keeps_nobody_waiting_in_another(
    house: House, chat: FakeConnector
) -> None:
    """Colleagues with a good record make a newcomer wait; those of another workspace are no colleagues."""
    old, bea = replace(AGENT, id="U-old"), replace(AGENT, id="U-bea")
    taught = await ask(house, chat, QUESTION, A)
    await house.desk.receive(at(correction(taught.id, QUESTION, SECRET, old), A))
    await house.settle()
    for number in range(4 * PROVEN_AFTER):
        await ask(house, chat, QUESTION, A)
        if number < 4:
            await house.desk.receive(at(reaction("✅", chat.last_message(), replace(AGENT, id=f"U-{number}")), A))
            await house.settle()
    held = [each for each in (A, B) if (await _first_lesson_of(house, chat, bea, each)).held is not None]
    assert held == [A]


async def _first_lesson_of(house: House, chat: FakeConnector, teacher: object, place: Place) -> Lesson:
    asked = await ask(house, chat, "Is there parking?", place)
    event = at(correction(asked.id, "Is there parking?", f"Behind the hall of {place.workspace}."), place)
    await house.desk.receive(replace(event, person=teacher))  # type: ignore[arg-type]
    await house.settle()
    return [each for each in await house.desk.lessons() if each.tenant == tenant_of(place)][-1]


async def test_a_workspaces_admin_decides_nothing_for_all(house: House, chat: FakeConnector) -> None:
    for verb in ("pause", "retrain", "rollback", "promote v1", "forget U-cara"):
        assert "all workspaces" in await said(house, chat, verb, B)
    await house.desk.receive(at(command("pause", replace(ADMIN, id="U-owner")), B))
    await house.settle()
    assert (await house.desk.status()).paused


async def test_a_session_shows_what_its_workspace_sees(house: House, chat: FakeConnector) -> None:
    letting_in = house.desk.routing.commands.letting_in
    link = await house.store.run(lambda unit: letting_in.link(unit, AGENT, NOW, TWO))
    session = await house.store.run(lambda unit: letting_in.enter(unit, link, NOW))
    held = await house.store.run(lambda unit: letting_in.holder(unit, session or "", PassKind.SESSION, NOW))
    assert held is not None
    assert held.tenant == TWO


async def test_what_loads_did_is_told_to_no_single_workspace(house: House, tmp_path: Path) -> None:
    """It is told of all loads together."""
    with open_kept(Settings(data_dir=tmp_path / "loads", cache_dir=tmp_path / "cache")) as kept:
        desk = replace(house.desk, library=Uploads(kept))
        with pytest.raises(NotAllowed):
            await desk.load_report(ADMIN, 9, Place(Platform.WEB, TWO, "page"))
        with pytest.raises(NotAllowed):
            await desk.restore(ADMIN, "row", Place(Platform.WEB, TWO, "page"))
        assert await desk.load_report(ADMIN, 9, Place(Platform.WEB, "local", "page")) == (None, [])


async def test_a_removed_workspace_takes_along_what_it_taught(house: House, chat: FakeConnector) -> None:
    for place in (A, B):
        await teach(house, chat, QUESTION, f"{SECRET} ({place.workspace})", place)
    await house.desk.uninstall(Platform.SLACK, "T1")
    assert (await ask(house, chat, QUESTION, B)).text == f"{SECRET} (T2)"
    assert (await ask(house, chat, QUESTION, A)).kind is AnswerKind.HANDOFF


async def test_where_workspaces_share_all_is_as_before_and_each_lesson_says_whose_it_is(
    tmp_path: Path, chat: FakeConnector
) -> None:
    async with open_house(tmp_path, lambda _: [chat]) as house:
        await teach(house, chat, QUESTION, SECRET, A)
        assert (await ask(house, chat, QUESTION, B)).text == SECRET
        assert SECRET in str(await house.desk.lessons(B))
    policy = Policy(staff=STAFF, separate=True)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        assert (await ask(house, chat, QUESTION, A)).text == SECRET
        assert (await ask(house, chat, QUESTION, B)).kind is AnswerKind.HANDOFF


def test_whose_a_place_is() -> None:
    assert tenant_of(A) == ONE
    assert tenant_of(replace(A, is_direct=True)) == ONE
    assert tenant_of(Place(Platform.DISCORD, "123", "9", "1")) == "discord:123"
    direct = [tenant_of(Place(Platform.DISCORD, "@me", channel, is_direct=True)) for channel in "12"]
    assert len({*direct, "discord:123"}) == 3  # Discord names no server there
    assert tenant_of(Place(Platform.CLI, "local", "terminal")) == SHARED
    assert tenant_of(place_of(uuid4())) == SHARED


@pytest.mark.parametrize("text", ["T1", "slack:", "slack:t1", "discord:@me", "web:page", "slack:T1/C1"])
def test_what_is_no_workspace_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="slack:T0123ABC"):
        named(text)


TENANTS = st.sampled_from([SHARED, ONE, TWO])
FACTS = st.sampled_from([FactId("f1"), FactId("f2")])
WITHDRAWN = st.sampled_from([None, NOW])


@st.composite
def _lessons(draw: st.DrawFn) -> list[Lesson]:
    rows = draw(st.lists(st.tuples(FACTS, TENANTS, WITHDRAWN), max_size=6))
    return [
        Lesson(
            id=LessonId(f"l{i}"), fact=fact, question=f"q{i}", answer=f"a{i}", author="slack:U1", author_name="Ana",
            source=LessonSource.CORRECTION, taught_at=NOW, tenant=tenant, withdrawn_at=withdrawn,
        )
        for i, (fact, tenant, withdrawn) in enumerate(rows)
    ]  # fmt: skip


@st.composite
def _phrasings(draw: st.DrawFn) -> list[Phrasing]:
    rows = draw(st.lists(st.tuples(FACTS, TENANTS, WITHDRAWN), max_size=4))
    return [
        Phrasing(fact=fact, text=f"p{i}", origin=f"l{i}", tenant=tenant, withdrawn_at=withdrawn)
        for i, (fact, tenant, withdrawn) in enumerate(rows)
    ]


@given(_lessons(), _phrasings(), TENANTS)
def test_its_own_facts_in_the_place_of_the_shared_ones_are_all_that_a_workspace_sees(
    lessons: list[Lesson], phrasings: list[Phrasing], tenant: Tenant
) -> None:
    known = facts_by_tenant(lessons, phrasings)
    together = {fact.id: fact for fact in (*known[SHARED], *known.get(tenant, []))}
    alone = {fact.id: fact for fact in facts_of(seen(lessons, tenant), seen(phrasings, tenant))}
    assert together == alone
