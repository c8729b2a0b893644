"""The systems by name, and how each is opened. Knows nothing of what is measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from bot.policy import Policy
from bot.retrieval import Section
from deploy.bench.learning.bank import Bank
from deploy.bench.learning.product import Product, open_product
from deploy.bench.learning.rivals import NearestNeighbour, PerfectMemory, System
from deploy.bench.learning.training import OnNewest, OwnCycle, Trainer, TrlNewest, WeightsOnly
from deploy.bench.learning.writing import HelpOnly, MemoryInContext, Writer, Written, open_writer
from deploy.parts import recipe, say_stage
from deploy.settings import Settings
from learning.encoder import MpnetEncoder
from learning.models import BaseModel, resolve_base_model, resolve_encoder
from learning.recipe import Recipe

MENTEE = "mentee"
BASE = "base"
RAG = "rag"
IN_CONTEXT = "memory-in-context"
TRL_NEWEST = "trl-newest"
NO_GATE_AT_ALL = "retrain-no-gate"
NO_MEMORY, NO_REPLAY = "mentee-no-memory", "mentee-no-replay"
NO_KL, NO_GATE = "mentee-no-kl", "mentee-no-gate"
NEAREST, PERFECT = "nearest", "perfect-memory"

POLICIES: Mapping[str, Callable[[Policy], Policy]] = {
    "mentee-no-asking-back": lambda policy: replace(policy, clarify_from=2.0, offer_from=2.0),
    "mentee-no-phrasing-growth": lambda policy: replace(policy, emoji={}),
    "mentee-no-trust": lambda policy: replace(policy, trust_from=0.0, lessons_an_hour=0),
}
"""Mentee without a part of its memory, or believing everybody."""
TRAINED_OTHERWISE = (NO_REPLAY, NO_KL, NO_GATE)
"""Mentee without a part of its training: their memory is the same."""
WEIGHTS_ONLY = (NO_MEMORY, NO_GATE_AT_ALL, TRL_NEWEST)
"""What learns by retraining alone."""
WRITES = (BASE, IN_CONTEXT, *WEIGHTS_ONLY)
"""What writes every answer."""
LEARNS_NOTHING = (BASE, RAG)
RETRAINS = (MENTEE, *TRAINED_OTHERWISE, *WEIGHTS_ONLY)

QUICK = (MENTEE, NEAREST, PERFECT)
"""By default in the quick run; the base model is measured beside Mentee's adapter."""
SYSTEMS = (MENTEE, *POLICIES, *TRAINED_OTHERWISE, *WEIGHTS_ONLY, IN_CONTEXT, NEAREST, PERFECT, RAG, BASE)

RECIPES: Mapping[str, Callable[[Recipe], Recipe]] = {NO_KL: lambda recipe: replace(recipe, kl_weight=0.0)}


@dataclass(frozen=True)
class Opened:
    system: System
    trainer: Trainer | None = None
    writer: Writer | None = None
    """Asks adapters without anything around them."""


def lacks(name: str, sections: Sequence[Section]) -> str:
    """Why the system can't be had; empty where it can."""
    if name == RAG and not sections:
        return "Without --kb there are no help sections to answer from."
    if name == TRL_NEWEST and find_spec("trl") is None:
        return "TRL is not installed: pip install 'trl>=1.16,<1.17'."
    return ""


@contextmanager
def open_system(
    name: str, bank: Bank, sections: Sequence[Section], settings: Settings, folder: Path, seed: int = 0
) -> Iterator[Opened]:
    """Nothing was taught to it yet. The seed decides what training draws."""
    with ExitStack() as stack:
        if name == NEAREST:
            yield Opened(NearestNeighbour(encoder(settings)))
        elif name == PERFECT:
            yield Opened(PerfectMemory())
        elif name in (BASE, IN_CONTEXT, TRL_NEWEST):
            writer = stack.enter_context(open_writer(base_model(settings), folder / "adapters"))
            yield _writing(name, writer, settings, seed)
        else:
            policy = POLICIES[name](settings.policy()) if name in POLICIES else settings.policy()
            read = [] if name in WEIGHTS_ONLY else sections
            product = stack.enter_context(open_product(bank, read, settings, folder, policy, seed))
            adapters_dir = product.kept.settings.adapters_dir
            writer = stack.enter_context(open_writer(product.models.base, adapters_dir))
            yield _around(name, product, writer, seed)


def _writing(name: str, writer: Writer, settings: Settings, seed: int) -> Opened:
    if name == IN_CONTEXT:
        return Opened(MemoryInContext(writer, encoder(settings)), None, writer)
    if name == TRL_NEWEST:
        system = TrlNewest(writer, seed)
        return Opened(system, system, writer)
    return Opened(Written(writer), None, writer)


def _around(name: str, product: Product, writer: Writer, seed: int) -> Opened:
    """Mentee, or what is left of it."""
    if name == RAG:
        return Opened(HelpOnly(product))
    changed, gated = RECIPES.get(name, _unchanged), name not in (NO_GATE, NO_GATE_AT_ALL)
    drawn = replace(changed(recipe(product.kept.settings)), seed=seed)
    trainer: Trainer = OnNewest(product, drawn) if name == NO_REPLAY else OwnCycle(product, drawn, is_gated=gated)
    if name in WEIGHTS_ONLY:
        alone = WeightsOnly(writer, product, trainer)
        return Opened(alone, alone, writer)
    return Opened(product, trainer, writer)


def _unchanged(recipe: Recipe) -> Recipe:
    return recipe


def encoder(settings: Settings) -> MpnetEncoder:
    return MpnetEncoder(resolve_encoder(settings.cache_dir, say_stage))


def base_model(settings: Settings) -> BaseModel:
    return resolve_base_model(settings.base_model, settings.cache_dir, say_stage)
