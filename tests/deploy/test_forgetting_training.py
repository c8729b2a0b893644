"""Forgetting equals never having seen: the adapter that is rebuilt without somebody has the very bytes of one that was
trained by an installation that never heard of them. On a processor, with a tiny model and the real trainer.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest

from bot.ids import AdapterId, AnswerId, FactId
from bot.lineage import Adapter
from bot.people import Person, Platform
from deploy.erasing import forget
from deploy.parts import open_kept
from deploy.settings import Settings
from learning.models import BaseModel
from storage.adapter_files import CONFIG, WEIGHTS
from tests.bot.events import AGENT, THREAD, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import open_house
from tests.learning.adapters import tiny_base
from tests.learning.cycle.workshop import OWNER, Workshop, open_workshop
from tests.learning.samples import keep
from tests.tiny_model import make_tiny_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks for it
]

GONE = Person(Platform.SLACK, "U0CARA0001", "Cara Quimby-Vane")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
async def here(tmp_path: Path, base: BaseModel) -> AsyncIterator[Workshop]:
    """Where the person was."""
    opened = open_workshop(tmp_path / "here", base)
    yield opened
    opened.store.close()


@pytest.fixture
async def there(tmp_path: Path, base: BaseModel) -> AsyncIterator[Workshop]:
    """Where the person never was."""
    opened = open_workshop(tmp_path / "there", base)
    yield opened
    opened.store.close()


async def talk(folder: Path) -> None:
    """The person asks: an agent takes the very words over, answers in words of the agent's own, and confirms."""
    chat, numbers = FakeConnector(), count(1)

    def trained_on() -> FactId:
        """One fact in twenty is held out, by its id: with random ones the person's now and then, too."""
        return FactId(str(UUID(int=next(numbers))))

    async with open_house(folder, lambda _: [chat], new_fact=trained_on) as house:

        async def ask(text: str, thread: str) -> AnswerId:
            await house.desk.receive(message(text, GONE, replace(THREAD, thread=thread)))
            await house.settle()
            return chat.answers[-1].answer.id

        for number in range(3):
            words = f"Where do I find the blue heron number{number} of Quimby?"
            await house.desk.receive(correction(await ask(words, f"{number}.1"), words, f"It is on shelf{number}."))
        answer = await ask("my crane of Quimby wades away", "9.1")
        own = correction(answer, "What keeps a crane at home?", "A pond with reeds keeps cranes.")
        await house.desk.receive(own)
        await ask("What keeps a crane at home?", "10.1")
        await house.desk.receive(reaction("+1", chat.last_message(), AGENT))
        await house.desk.receive(reaction("+1", chat.last_message(), GONE))
        await house.settle()


async def trained(workshop: Workshop, run: str | None) -> Adapter:
    """The newest adapter, after a run that is requested here, or was by whoever forgot."""
    if run is not None:
        workshop.request(run)
    assert await workshop.cycle.run_next(OWNER) is not None
    return workshop.adapters[-1]


def bytes_of(workshop: Workshop, adapter: AdapterId) -> dict[str, str]:
    folder = workshop.files.folder(adapter)
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, CONFIG)}


async def test_an_adapter_rebuilt_without_somebody_is_that_of_who_never_saw_them(
    here: Workshop, there: Workshop, tmp_path: Path
) -> None:
    await talk(tmp_path / "here")
    taught = here.store.run_sync(lambda unit: unit.lessons.all())
    own = next(lesson for lesson in taught if lesson.question == "What keeps a crane at home?")
    there.store.run_sync(lambda unit: keep(unit, replace(own, about=None)))
    never = await trained(there, "run-1")
    before = await trained(here, "run-1")
    assert bytes_of(here, before.id)[WEIGHTS] != bytes_of(there, never.id)[WEIGHTS]
    assert before.dataset_sha256 != never.dataset_sha256
    with open_kept(Settings(data_dir=tmp_path / "here", cache_dir=tmp_path / "cache")) as kept:
        certificate = await forget(kept, GONE.key, with_lessons=False)
    assert (certificate.withdrawn, certificate.hits) == ((before.id,), 0)
    rebuilt = await trained(here, None)
    assert rebuilt.run == certificate.rebuild
    assert bytes_of(here, rebuilt.id) == bytes_of(there, never.id)
    assert (rebuilt.dataset_sha256, rebuilt.weights_sha256) == (never.dataset_sha256, never.weights_sha256)
    assert (set(rebuilt.lessons), rebuilt.recipe) == (set(never.lessons), never.recipe)
    assert own.id in rebuilt.lessons
    left = [path for path in (tmp_path / "here").rglob("*") if path.is_file() and b"Quimby" in path.read_bytes()]
    assert left == []
