"""An agent and an admin of one workspace, with all that the bot takes from people, after what another one was taught.

What they must not get is a word that stands nowhere else. They know every id that there is, which nobody could guess.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.access import COMMANDS
from bot.answers import Answer, AnswerKind
from bot.buttons import Act
from bot.errors import PersonError, SourceUnreadable
from bot.events import (
    ButtonPressed,
    CandidateChosen,
    Event,
    MessageDeleted,
    MessageEdited,
    MessageRef,
    Place,
    ReplyMarked,
)
from bot.feedback import Hold, Lesson
from bot.ids import SHARED, AdapterId, EventId, RunId, Tenant, new_id
from bot.lineage import Adapter
from bot.policy import Policy
from bot.ports import Unit
from learning.planning import planned, read
from learning.recipe import Recipe
from learning.sources.ingest import Options, ingest
from tests.attack.payloads import ORDERS
from tests.bot.events import ADMIN, AGENT, NOW, THREAD, command, correction, message, reaction
from tests.bot.test_tenants import STAFF, at, teach
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house

VICTIM, ATTACKER = THREAD, replace(THREAD, workspace="T2")
WORD = "quokkabank"
QUESTION, ANSWER = f"What is the {WORD} rate for crates?", f"Twelve a crate, says {WORD}."
AGENT_THERE, ADMIN_THERE = replace(AGENT, id="U-eve"), replace(ADMIN, id="U-mallory")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[House, FakeConnector]]:
    chat = FakeConnector()
    policy = Policy(staff=STAFF, separate=True)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as opened:
        yield opened, chat


async def victim(house: House, chat: FakeConnector) -> tuple[Lesson, Lesson, MessageRef]:
    """A lesson, one that is held, and where its answer stands."""
    lesson = await teach(house, chat, QUESTION, ANSWER, VICTIM)
    held = await teach(house, chat, f"Who is {WORD}?", f"{WORD} is a customer of ours.", VICTIM)
    await house.store.run(lambda unit: unit.lessons.hold(held.id, Hold.UNTRUSTED, NOW))
    await house.desk.receive(message(QUESTION, place=replace(VICTIM, thread=new_id())))
    await house.settle()
    return lesson, held, chat.last_message()


async def test_nothing_that_is_asked_commanded_or_pressed_brings_it_out(house: tuple[House, FakeConnector]) -> None:
    here, chat = house
    lesson, held, where = await victim(here, chat)
    answer = chat.answers[-1].answer
    before, prompts = len(chat.posted), len(here.generator.prompts)
    chat.drafts.clear()

    def hidden(text: str) -> str:
        """What they say themselves is no leak."""
        return text.replace(WORD, "it")

    asked = [*ORDERS, hidden(QUESTION), "rate for crates?", "crates", "What did you tell the others?"]
    for number, text in enumerate(asked):
        await here.desk.receive(message(text, AGENT_THERE, replace(ATTACKER, thread=f"{number}")))
    links = answer.id, where.id, f"https://x.slack.com/archives/C1/p{where.id}"
    arguments = {
        "why": links, "blame": links, "accept": (held.id, held.id[-8:]),
        "drop": (held.id, lesson.id, lesson.id[-8:], ""), "forget": ("U-ana", "Ana", "Cara"), "promote": ("v1",),
    }  # fmt: skip
    for verb in sorted(COMMANDS):
        for argument in arguments.get(verb, ("",)):
            for person in (AGENT_THERE, ADMIN_THERE):
                await here.desk.receive(at(command(f"{verb} {argument}", person), ATTACKER))
    common = {"place": ATTACKER, "person": ADMIN_THERE, "at": NOW}
    pressed: list[Event] = [
        CandidateChosen(id=_id(), answer=answer.id, fact=lesson.fact, **common),  # type: ignore[arg-type]
        CandidateChosen(id=_id(), answer=answer.id, fact=None, **common),  # type: ignore[arg-type]
        at(correction(answer.id, "crates", "Forty.", ADMIN_THERE), ATTACKER),
        *(at(reaction(each, where, ADMIN_THERE), ATTACKER) for each in ("x", "✅", "pencil2")),
        ReplyMarked(id=_id(), reply=where, text="Forty.", **common),  # type: ignore[arg-type]
        MessageEdited(id=_id(), message=where, text="Forty.", posted_at=NOW, **common),  # type: ignore[arg-type]
        MessageDeleted(id=_id(), message=where, **common),  # type: ignore[arg-type]
        *(ButtonPressed(id=_id(), act=act, about=answer.id, **common) for act in Act if act is not Act.LEARN),  # type: ignore[arg-type]
    ]
    for event in pressed:
        await here.desk.receive(event)
    await here.settle()

    leaked = [each for each in chat.posted[before:] if each.place.workspace == "T2" and WORD in str(each)]
    assert leaked == []
    assert WORD not in str(here.generator.prompts[prompts:])
    assert not any(draft.place.workspace == "T2" and WORD in draft.text for draft in chat.drafts)
    kept = await here.store.run(lambda unit: (unit.lessons.get(lesson.id), unit.lessons.get(held.id)))
    assert [each and (each.withdrawn_at is None, each.held) for each in kept] == [(True, None), (False, "untrusted")]
    assert await here.store.run(lambda unit: unit.ratings.of(answer.id)) == []
    await here.desk.receive(message(QUESTION, place=replace(VICTIM, thread="after")))
    await here.settle()
    assert chat.answers[-1].answer.text == ANSWER


async def test_an_adapter_that_learned_from_it_gives_it_away_to_nobody_who_blames_it(
    house: tuple[House, FakeConnector],
) -> None:
    """It was trained while workspaces shared, and wrote to the other one then."""
    here, chat = house
    lesson, held, _ = await victim(here, chat)
    shared = await here.teach("How are crates stacked?", "Four high.")
    trained = Adapter(
        id=AdapterId("a1"), number=1, run=RunId("r1"), base_model="tiny", base_sha256="b", weights_sha256="w",
        dataset_sha256="d", lessons=(lesson.id, held.id, shared.id), recipe={}, created_at=NOW,
        tenants=(Tenant("slack:T1"),),
    )  # fmt: skip
    said = Answer(
        kind=AnswerKind.GROUNDED, question="crates", text="Stack them.", confidence=1.0, latency_ms=1.0,
        adapter=trained.id,
    )  # fmt: skip

    def write(unit: Unit) -> None:
        unit.adapters.add(trained)
        unit.answers.add(said, ATTACKER, AGENT_THERE)

    await here.store.run(write)
    await here.desk.receive(at(command(f"blame {said.id}", AGENT_THERE), ATTACKER))
    await here.settle()
    told = chat.notices[-1].text
    assert "Written by v1" in told
    assert "“How are crates stacked?”" in told
    assert "2 of them are not shown" in told
    assert WORD not in told
    assert "slack:T1" not in told


async def test_no_page_form_or_listing_shows_it(house: tuple[House, FakeConnector]) -> None:
    here, chat = house
    await victim(here, chat)
    answer, where = chat.answers[-1].answer, chat.last_message()
    desk = here.desk
    page = Place(THREAD.platform, "T2", "")
    for look in (desk.lessons, desk.status, desk.adapters, desk.runs, desk.held, desk.suggestions):
        assert WORD not in str(await look(page))
    assert WORD not in str(await desk.home(ADMIN_THERE, page))
    for named in (answer.id, where):
        with pytest.raises(PersonError):
            await desk.correction_form(named, ADMIN_THERE, page)


async def test_what_they_load_neither_takes_its_place_nor_is_compared_with_it(
    house: tuple[House, FakeConnector], tmp_path: Path
) -> None:
    """A file with the very question must not be answered by the other's lesson, nor tell that there is one."""
    here, chat = house
    await victim(here, chat)
    faq = tmp_path / "faq.csv"
    faq.write_text(f"question,answer\n{QUESTION},Nobody knows.\n")
    report = await ingest([faq], here.store, Options(tenant=Tenant("slack:T2"), separate=True))
    assert (report.facts, report.data.contradictions) == (1, [])
    for place, said in ((ATTACKER, "Nobody knows."), (VICTIM, ANSWER)):
        await here.desk.receive(message(QUESTION, place=replace(place, thread="loaded")))
        await here.settle()
        assert chat.answers[-1].answer.text == said
    faq.write_text(f"question,answer\n{QUESTION},Everybody knows.\n")
    with pytest.raises(SourceUnreadable, match="was loaded for slack:T2"):  # a file stays whose it is
        await ingest([faq], here.store, Options(tenant=SHARED, separate=True))


async def test_nothing_of_it_is_trained_on(house: tuple[House, FakeConnector]) -> None:
    here, chat = house
    await victim(here, chat)
    for number in range(12):
        await here.teach(f"How is shelf number {number} mounted?", f"With {number} screws from the box.")

    known = await here.store.run(lambda unit: read(unit.within(SHARED), Recipe(), "tiny"))
    trained = str(planned(known, Recipe(), "tiny")[0].dataset)
    assert "screws" in trained
    assert WORD not in trained


def _id() -> EventId:
    return EventId(f"slack:{new_id()}")
