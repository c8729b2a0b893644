"""The silent comparison with the real engine: the bundled model, its starter adapter, and a spoilt copy of that."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from bot.ids import AdapterId, RunId
from bot.lineage import Adapter, Deployment, Move
from bot.policy import Policy
from bot.trial import Outcome, Pair
from bot.trying import standing_of
from learning.models import BaseModel, resolve_base_model
from learning.serving.engine import Engine
from learning.starter.finding import SHIPPED
from storage.adapter_files import AdapterFiles
from tests.bot.events import correction, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house
from tests.learning.model_cache import CACHE
from tests.learning.serving.conftest import A, B, Deployed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WEIGHTS = "adapter_model.safetensors"
HELP = "Wipe the tablet of the kiosk with a dry cloth every evening, and lock it before you wipe it."
QUESTION = "How do I clean the tablet of the kiosk?"


@pytest.fixture(scope="module")
def real() -> BaseModel:
    return resolve_base_model("bundled:smollm2-135m", CACHE)


@pytest.fixture
async def house(
    real: BaseModel, tmp_path: Path, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """With the starter live, and its spoilt copy on trial, which writes half of the answers."""
    files = AdapterFiles(tmp_path / "adapters", real.sha256)
    deployed.adapter = A
    engine = Engine(real, files, deployed)
    monkeypatch.setattr("tests.house.FakeGenerator", lambda: engine)
    policy = Policy(staff=STAFF, trust_from=0)
    async with open_house(tmp_path, lambda _: [FakeConnector()], policy=policy) as opened:
        await opened.add_section("Kiosk", "Cleaning the tablet", HELP)
        for number, (adapter, factor) in enumerate(((A, 1.0), (B, 8.0))):
            kept = keep(files, real, adapter, number, factor)
            await opened.store.run(lambda unit, kept=kept: unit.adapters.add(kept))  # type: ignore[misc]
        for move, adapter, share in ((Move.PROMOTE, A, 0.0), (Move.TRIAL, B, 0.5)):
            deployment = Deployment(move, adapter, "x", datetime.now(UTC), "", share)
            await opened.store.run(lambda unit, new=deployment: unit.adapters.deploy(new))  # type: ignore[misc]
        await engine.refresh()
        await engine.prepare(B)
        yield opened
    engine.close()


def keep(files: AdapterFiles, base: BaseModel, adapter: AdapterId, number: int, factor: float) -> Adapter:
    """The starter with its B matrices multiplied."""
    staged = files.stage(adapter)
    (staged / "adapter_config.json").write_bytes((SHIPPED / "adapter_config.json").read_bytes())
    weights = {n: t * factor if "lora_B" in n else t for n, t in load_file(SHIPPED / WEIGHTS).items()}
    save_file(weights, staged / WEIGHTS, metadata={"format": "pt"})
    return Adapter(
        id=adapter, number=number, run=RunId("x"), base_model=base.name, base_sha256=base.sha256,
        weights_sha256=files.publish(adapter, staged, base.sha256), dataset_sha256="d", lessons=(), recipe={},
        created_at=datetime.now(UTC),
    )  # fmt: skip


async def test_a_spoilt_one_is_alone_wrong_about_what_an_agent_settles(house: House) -> None:
    chat = house.bot.connectors[message("").place.platform]
    assert isinstance(chat, FakeConnector)
    await house.desk.receive(message(QUESTION))
    await house.settle()
    answer = chat.answers[-1].answer
    assert answer.trial == B
    await house.desk.receive(correction(answer.id, QUESTION, HELP))
    await house.settle()
    await house.bot.comparing.look()
    standing = await house.store.run(standing_of)
    assert standing is not None
    assert standing.pairs == Counter([Pair(Outcome.OLD, by_new=answer.adapter == B)])
