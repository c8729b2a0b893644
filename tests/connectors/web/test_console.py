"""The console: lineage, trainings, and the commands that change them."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bot.events import Place
from bot.ids import AdapterId, LessonId, RunId
from bot.lineage import Adapter, Decision, Deployment, Evaluation, Measure, Move, Progress, Report, Run
from bot.ports import Unit
from bot.texts import ENGLISH
from connectors.web.parsing import place_of
from tests.connectors.web.conftest import CONVERSATION_ID, Site

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PLACE: Place = place_of(UUID(CONVERSATION_ID))


MEASURE = Measure("Taught facts", "share right", 48, 0.41, 0.79, 0.22, -0.53, "above 0", False)
REPORT = Report(
    decision=Decision.REJECTED, reasons=("It forgot <b>too much</b>.",), adapter="v1", lessons=34,
    evaluation=Evaluation((MEASURE,), 0.975), seconds=254.0,
)  # fmt: skip


def adapter(number: int) -> Adapter:
    return Adapter(
        id=AdapterId(f"a{number}"), number=number, run=RunId("r1"), base_model="tiny", base_sha256="b" * 64,
        weights_sha256="c" * 64, dataset_sha256="d" * 64, lessons=(LessonId("l1"), LessonId("l2")), recipe={},
        created_at=AT + timedelta(days=number),
    )  # fmt: skip


def run(id: str) -> Run:
    return Run(id=RunId(id), slot=id, requested_by="web:page-admin", requested_at=AT)


def trained(unit: Unit) -> None:
    """v1 was rejected, v2 is live, and another run is under way."""
    unit.runs.request(run("r1"))
    unit.runs.claim("trainer", AT, 60.0)
    unit.adapters.add(adapter(1))
    unit.runs.finish(RunId("r1"), "trainer", REPORT)
    unit.adapters.add(adapter(2))
    unit.adapters.deploy(Deployment(Move.PROMOTE, AdapterId("a2"), "schedule", AT))
    unit.runs.request(run("r2"))
    unit.runs.claim("trainer", AT, 60.0)
    unit.runs.beat(RunId("r2"), "trainer", Progress("Training", 30, 120, 100.0), AT)


@pytest.mark.parametrize("path", ["/adapters", "/adapters/now"])
async def test_lineage_shows_what_answers_how_it_came_to_be_and_what_is_under_way(site: Site, path: str) -> None:
    await site.house.store.run(trained)
    html = await site.html(path)
    live, rest = html[html.index("is-live") :].split("</li>", 1)
    assert "<b>v2</b>" in live
    assert 'data-command="promote v1"' in rest
    assert 'data-command="promote v2"' not in html
    assert "<code>cccccccccccc</code>" in html
    assert re.search(r'<h2>Training</h2>\s*<progress max="100" value="25"', html)
    assert "about 2 min left" in html
    assert "It forgot &lt;b&gt;too much&lt;/b&gt;." in html
    assert "+0.220 … −0.530" in html
    assert "Difference (97.5 %)" in html


async def test_an_empty_bot_has_an_empty_console(site: Site) -> None:
    html = await site.html("/adapters")
    assert "Nothing has been trained yet." in html
    assert 'data-is-running="no"' in html
    assert "0 facts" in html


async def test_commands_are_the_admins(site: Site) -> None:
    site.become("agent")
    await site.post("/commands", text="retrain")
    assert ENGLISH.not_admin.partition("`")[0] in await site.words("/")
    site.become("admin")
    await site.post("/commands", text="retrain --dry-run")
    told = await site.html("/")
    assert "Dry run: 40 facts" in told
    assert "none is expected to change" in told
    assert await site.house.desk.runs() == []


async def test_staff_see_below_an_answer_who_taught_what_led_to_it(site: Site) -> None:
    lesson = await site.house.teach("How long is the trial?", "21 days.")
    assert "blame" not in await site.ask("How long is the trial?")
    site.become("agent")
    (command,) = re.findall(r'data-command="(blame [^"]+)"', await site.html("/"))
    await site.post("/commands", text=command)
    told = await site.words("/")
    assert f"<code>{lesson.id[-8:]}</code> of the operator, " in told
    assert f"<code>/mentee drop {lesson.id[-8:]}</code>" in told


async def test_the_settings_are_shown_to_admins(site: Site) -> None:
    assert 'data-command="settings"' in await site.html("/adapters")
    site.become("agent")
    await site.post("/commands", text="settings")
    assert "MENTEE_KNOWN_FROM" not in await site.html("/")
    site.become("admin")
    await site.post("/commands", text="settings")
    assert "<code>MENTEE_KNOWN_FROM</code>" in await site.html("/")


async def test_a_retraining_is_asked_for_and_its_post_is_updated(site: Site) -> None:
    site.become("admin")
    await site.post("/commands", text="retrain")
    assert [each.place for each in await site.house.desk.runs()] == [PLACE]
    assert "Waiting for the trainer" in await site.html("/adapters")
    run_id = (await site.house.desk.runs())[0].id
    message = await site.house.store.run(lambda unit: unit.outbox.message_of(run_id))
    assert message is not None
    await site.connector.update(message, "Training: half done")
    html = await site.html("/")
    assert "Training: half done" in html
    assert "Training a new adapter" not in html


async def test_the_status_line_tells_of_a_pause(site: Site) -> None:
    site.become("admin")
    await site.post("/commands", text="pause")
    assert "is-paused" in await site.html("/status")
    await site.post("/commands", text="resume")
    assert "Answering" in await site.html("/status")


async def test_the_framework_adds_no_pages_of_its_own(site: Site) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/login", "/nothing"):
        assert (await site.client.get(path)).status_code == 404
