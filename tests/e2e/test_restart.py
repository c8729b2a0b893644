"""`mentee run` as a process that is killed, stopped, started again, and told things by other processes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from bot.answers import AnswerKind
from bot.conversation import Speaker
from bot.ids import RunId, new_id
from bot.lineage import Adapter
from connectors.web.parsing import place_of
from learning.models import resolve_base_model
from storage.adapter_files import WEIGHTS, AdapterFiles
from tests.e2e.program import CONVERSATION_ID, Installation, Running
from tests.learning.adapters import make_adapter
from tests.learning.model_cache import CACHE
from tests.tiny_model import make_tiny_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks for it
]

QUESTION = "Which plan has single sign-on?"
MANY_LAYERS = 80
"""An answer takes seconds: it is not finished before the process has heard that it shall end."""
HELP = "# Plans\n\n## Single sign-on\n\nSingle sign-on comes with the Forest plan.\n"


@pytest.fixture
async def installation(folder: Path, tiny: Path) -> Installation:
    """With one help page. What the tiny model writes is let through, so that one sees which adapter wrote it."""
    (folder / "plans.md").write_text(HELP)
    installation = Installation(folder, {"MENTEE_BASE_MODEL": str(tiny), "MENTEE_SUPPORTED_FROM": "0"})
    await installation.mentee("ingest", "plans.md")
    return installation


@pytest.mark.parametrize("end", [Running.kill, Running.stop])
async def test_a_question_that_was_accepted_is_answered_once_though_the_process_ends_meanwhile(
    installation: Installation, tmp_path: Path, end: Callable[[Running], Awaitable[None]]
) -> None:
    slow = make_tiny_model(tmp_path / "slow", layers=MANY_LAYERS)
    installation = replace(installation, settings={**installation.settings, "MENTEE_BASE_MODEL": str(slow)})
    asked = str(uuid4())
    async with installation.running() as bot:
        await bot.until_it_writes(QUESTION, id=asked)
        await end(bot)
    assert [event.id for event in await installation.pending()] == [f"web:{asked}"]

    async with installation.running() as bot:
        answer = await installation.answer((await bot.answers(1))[0])
        assert (answer.kind, answer.question) == (AnswerKind.GROUNDED, QUESTION)
        assert await bot.send(QUESTION, id=asked) is False  # the browser that got no reply tries again
        assert len(await bot.answers(1)) == 1
        await bot.stop()
    assert await installation.pending() == []
    async with installation.database() as store:
        turns = await store.run(lambda unit: unit.conversations.of(place_of(CONVERSATION_ID)))
        assert await store.run(lambda unit: unit.answers.count_by_kind()) == {"grounded": 1}
    assert [turn.speaker for turn in turns] == [Speaker.PERSON, Speaker.BOT]


async def test_other_processes_teach_promote_and_roll_back_while_it_runs(installation: Installation) -> None:
    async with installation.running() as bot:
        await bot.send(QUESTION)
        before = await installation.answer((await bot.answers(1))[0])
        assert (before.kind, before.adapter) == (AnswerKind.GROUNDED, None)

        adapter = await _keep_adapter(installation)
        assert (await installation.mentee("promote", "v1"))["adapter"] == "v1"
        await bot.until_it_serves_adapter(adapter.id)
        await bot.send(QUESTION)
        promoted = await installation.answer((await bot.answers(2))[1])
        assert promoted.adapter == adapter.id

        assert (await installation.mentee("rollback"))["adapter"] == "base model"
        await bot.until_it_serves_adapter(None)
        await bot.send(QUESTION)
        rolled_back = await installation.answer((await bot.answers(3))[2])
        assert (rolled_back.kind, rolled_back.adapter) == (AnswerKind.GROUNDED, None)

        await installation.mentee("teach", QUESTION, "Forest has it.")
        await bot.send(QUESTION)
        taught = await installation.answer((await bot.answers(4))[3])
        assert (taught.kind, taught.text) == (AnswerKind.KNOWN, "Forest has it.")
        await bot.stop()


async def _keep_adapter(installation: Installation) -> Adapter:
    """An adapter of random weights, as if it had been trained."""
    base = resolve_base_model(installation.settings["MENTEE_BASE_MODEL"], CACHE)
    files = AdapterFiles(installation.folder / "data" / "adapters", base.sha256)
    made = make_adapter(files, base, new_id(), seed=1)
    weights_sha256 = sha256((files.folder(made) / WEIGHTS).read_bytes()).hexdigest()
    adapter = Adapter(
        id=made, number=1, run=RunId(new_id()), base_model=base.name,
        base_sha256=base.sha256, weights_sha256=weights_sha256, dataset_sha256="d", lessons=(), recipe={},
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
    )  # fmt: skip
    async with installation.database() as store:
        await store.run(lambda unit: unit.adapters.add(adapter))
    return adapter
