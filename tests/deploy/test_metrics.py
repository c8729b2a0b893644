"""What Prometheus is told: it is true, it is all that dashboard and alerts name, and nothing that a person wrote."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import col, delete

from bot.conversation import Speaker
from bot.errors import DeliveryFailed, OperatorError
from bot.ids import AnswerId
from bot.outgoing import AnswerPost
from connectors.web.connector import WebConnector
from deploy import metrics
from deploy.connections import make_connectors, problem_of
from deploy.settings import Settings
from deploy.wiring import utc_now
from storage.tables import HandoffRow, TurnRow
from storage.unit_of_work import SqlUnit
from tests.bot.events import message
from tests.connectors.web.conftest import client_of
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house

DEPLOY = Path(__file__).parents[2] / "deploy"
NAMED = re.compile(r"\bmentee_\w+")


async def samples(house: House) -> dict[str, float]:
    """Each series with its labels, as Prometheus reads it."""
    text = (await metrics.exposition(house.store, utc_now)).decode()
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names(text: str) -> set[str]:
    return set(NAMED.findall(text))


@pytest.fixture
def chat() -> FakeConnector:
    return FakeConnector()


@pytest.mark.parametrize("file", ["grafana/mentee.json", "prometheus/alerts.yaml"])
async def test_every_metric_that_is_named_is_exported(folder: Path, file: str) -> None:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    read = json.loads(text) if file.endswith("json") else yaml.safe_load(text)
    async with open_house(folder) as house:
        exported = {name.split(" ")[0] for name in await samples(house)}
    named = {name for expression in expressions(read) for name in names(expression)}
    assert len(named) >= 8
    assert named <= exported


def expressions(read: object) -> list[str]:
    """Whatever stands under the key `expr`, at any depth."""
    if isinstance(read, dict):
        own = [read["expr"]] if isinstance(read.get("expr"), str) else []
        return own + [each for value in read.values() for each in expressions(value)]
    return [each for value in read for each in expressions(value)] if isinstance(read, list) else []


async def test_answers_errors_and_what_waits_are_counted(folder: Path, chat: FakeConnector) -> None:
    chat.failures = [DeliveryFailed("no network"), RuntimeError("a bug")]
    async with open_house(folder, lambda _: [chat]) as house:
        before = await samples(house)
        await house.teach("Can I pause?", "Yes.")
        await house.desk.receive(message("Can I pause?"))
        await house.bot.intake.idle()
        for _ in range(3):
            await house.bot.delivery.sweep()
        metrics.failed(OperatorError("Mend it."))
        await house.desk.receive(message("Do you sell umbrellas?"))
        await house.settle()
        after = await samples(house)
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    assert grown["mentee_answers_total known"] == grown["mentee_answers_total handoff"] == 1
    assert grown["mentee_answer_seconds_count known"] == 1
    errors = {who: grown[f"mentee_errors_total {who}"] for who in ("nobody", "developer", "operator", "person")}
    assert errors == {"nobody": 1, "developer": 1, "operator": 1, "person": 0}
    assert after["mentee_answers_kept known"] == 1
    assert after["mentee_handoffs open"] == 1
    assert after["mentee_lessons taught"] == 1
    assert after["mentee_events_pending"] == after["mentee_outbox_waiting"] == 0
    assert after["mentee_questions_unanswered"] == 0


async def test_the_age_of_what_waits_is_told(folder: Path) -> None:
    old = message("How long is the trial?")
    async with open_house(folder) as house:
        await house.store.run(lambda unit: unit.inbox.add(old))
        waiting = await samples(house)
    assert waiting["mentee_events_pending"] == 1
    assert waiting["mentee_events_oldest_seconds"] == pytest.approx((utc_now() - old.at).total_seconds(), abs=60)


# --- the number that must be 0 --------------------------------------------------------------------------------------


def lose_the_reply(unit: SqlUnit) -> None:
    unit.session.exec(delete(TurnRow).where(col(TurnRow.speaker) == Speaker.BOT))


def lose_the_handoff(unit: SqlUnit) -> None:
    unit.session.exec(delete(HandoffRow))


def give_up_without_a_handoff(unit: SqlUnit) -> None:
    posted = unit.answers.get(AnswerId(unit.handoffs.unsolved()[0].answer))
    assert posted is not None
    outgoing = AnswerPost(place=posted.place, answer=posted.answer)
    unit.outbox.add(outgoing)
    unit.outbox.park(outgoing.id, "broken")
    lose_the_handoff(unit)
    unit.answers.retract(posted.answer.id)  # so that only the message tells


@pytest.mark.parametrize("lose", [lose_the_reply, lose_the_handoff, give_up_without_a_handoff])
async def test_a_question_without_answer_or_handoff_is_counted(
    folder: Path, chat: FakeConnector, lose: Callable[[SqlUnit], None]
) -> None:
    async with open_house(folder, lambda _: [chat]) as house:
        await house.desk.receive(message("Do you sell umbrellas?"))
        await house.settle()
        assert (await samples(house))["mentee_questions_unanswered"] == 0
        await house.store.run(lose)
        assert (await samples(house))["mentee_questions_unanswered"] == 1


# --- on the page ----------------------------------------------------------------------------------------------------


async def test_the_page_tells_machines_how_it_is(folder: Path) -> None:
    async with open_house(folder, lambda desk: list(make_connectors(Settings(), desk))) as house:
        (page,) = house.bot.connectors.values()
        assert isinstance(page, WebConnector)
        async with client_of(page) as prometheus:
            told = await prometheus.get("/metrics")
            ready = await prometheus.get("/readyz")
            foreign = await prometheus.get("/metrics", headers={"host": "evil.example"})
            probed = await prometheus.get("/readyz", headers={"host": "10.0.0.7"})
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "mentee_questions_unanswered 0.0" in told.text
    assert (ready.status_code, ready.json()) == (200, {"ok": True, "problem": ""})
    assert (foreign.status_code, probed.status_code) == (421, 200)


async def test_it_is_not_ready_while_the_database_cannot_be_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house(folder) as house:
        assert await problem_of(house.desk) == ""

        async def refuse(*_: object) -> None:
            raise OSError("hunter2")

        monkeypatch.setattr(type(house.store), "run", refuse)
        problem = await problem_of(house.desk)
    assert "OSError" in problem
    assert "hunter2" not in problem
