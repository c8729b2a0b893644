"""The composition root: puts the use cases together from the parts that it is given. Knows no vendor library."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog

from bot.amending import Amending
from bot.answering import Answering
from bot.capturing import Capturing
from bot.commands import Commands
from bot.comparing import Comparing
from bot.delivery import Delivery
from bot.desk import Desk
from bot.errors import AdminError, DeliveryFailed, MenteeError, OperatorError
from bot.events import Event
from bot.following import Following
from bot.handing_off import HandingOff
from bot.ids import FactId, new_fact
from bot.intake import Intake
from bot.lineage import Deployment
from bot.outgoing import AnswerDraft, Outgoing
from bot.pace import Pace
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import (
    AdapterStore,
    Clock,
    Connector,
    Generator,
    IsRight,
    Knowledge,
    Library,
    PersonalData,
    Planner,
    Store,
)
from bot.profile import Profiles, Profiling
from bot.redacting import Redacting
from bot.refilling import Refilling
from bot.reminding import Reminding
from bot.reporting import Reporting
from bot.routing import Routing
from bot.sweeping import Sweeping, Swept
from bot.texts import Texts
from bot.trying import Trying, Watching, trial_of
from deploy import metrics

log = structlog.get_logger()

ConnectorsOf = Callable[[Desk], Sequence[Connector]]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the use cases need from outside."""

    store: Store
    knowledge: Knowledge
    generator: Generator
    is_right: IsRight
    planner: Planner
    adapter_store: AdapterStore
    policy: Policy
    texts: Texts
    personal_data: PersonalData | None = None
    """What finds personal data in texts before they are kept; None: they are kept as they come."""
    library: Library | None = None
    """Takes files that an admin sends; None: nobody does."""
    clock: Clock = utc_now
    new_fact: Callable[[], FactId] = new_fact
    """Names what is taught. Which facts training keeps to judge by follows from their names."""
    tell_threads: bool = True
    """Tell what an adapter has learned in the threads where it was taught."""
    profiles: Profiles | None = None
    """Who tells of askers what the operator lets be known; None: nothing is."""


@dataclass(frozen=True, kw_only=True)
class Bot:
    """The use cases, put together."""

    desk: Desk
    intake: Intake
    delivery: Delivery
    reporting: Reporting
    reminding: Reminding
    watching: Watching
    comparing: Comparing
    sweeping: Sweeping
    amending: Amending
    connectors: dict[Platform, Connector]
    news: asyncio.Event
    """Set it when something was put into the outbox."""


def put_together(parts: Parts, connectors_of: ConnectorsOf = lambda _: ()) -> Bot:
    """Wire the use cases. Connectors need the desk, and the desk's drafts need connectors: the dict closes the ring."""
    connectors: dict[Platform, Connector] = {}
    news = asyncio.Event()
    redacting = None
    if parts.personal_data is not None:
        redacting = Redacting(parts.personal_data, parts.policy, Refilling(parts.clock))

    def fill(text: str, conversation: str, reader: Person) -> str:
        return redacting.filled(text, conversation, reader) if redacting is not None else text

    async def draft(draft: AnswerDraft) -> None:
        if draft.place.platform in connectors:
            text = fill(draft.text, draft.place.key, draft.to)
            await connectors[draft.place.platform].draft(replace(draft, text=text))

    common = parts.policy.common

    async def on_trial() -> Deployment | None:
        return await parts.store.run(lambda unit: trial_of(unit.within(common)))

    answering = Answering(parts.knowledge, parts.generator, parts.policy, parts.texts, on_trial)
    capturing = Capturing(parts.policy, parts.texts, parts.new_fact)
    commands = Commands(parts.policy, parts.texts, parts.adapter_store, parts.planner, parts.clock)
    trying = Trying(parts.policy, parts.texts, parts.adapter_store, parts.clock, parts.tell_threads)
    handing_off = HandingOff(parts.policy, parts.texts)
    following = Following(capturing, handing_off)
    pace = Pace(parts.policy.asks_a_minute)
    redact: Callable[[str], str] = redacting.asked if redacting is not None else str
    profiling = Profiling(parts.profiles, redact, _log_missing_profile)
    routing = Routing(parts.store, answering, capturing, commands, handing_off, following, profiling, draft, pace)
    intake = Intake(parts.store, routing, news, _log_failed_event)
    desk = Desk(parts.store, routing, intake, parts.clock, redacting, parts.library)
    connectors.update({connector.platform: connector for connector in connectors_of(desk)})
    return Bot(
        desk=desk,
        intake=intake,
        delivery=Delivery(
            parts.store, connectors, news, _log_failed_delivery, routing.undelivered, metrics.delivered, fill
        ),
        reporting=Reporting(parts.store, connectors, parts.texts),
        reminding=Reminding(parts.store, handing_off, parts.clock, news),
        watching=Watching(parts.store, trying, news),
        comparing=Comparing(parts.store, answering, parts.is_right),
        amending=Amending(parts.store, routing.near, answering, capturing, parts.clock, news),
        sweeping=Sweeping(
            parts.store,
            partial(desk.receive, is_late=True),
            intake,
            connectors,
            parts.policy,
            parts.clock,
            desk.gap,
            _log_sweep,
        ),
        connectors=connectors,
        news=news,
    )


# No message text in the logs: an exception may quote what a person wrote, so only its type is named, but for those that
# speak of a platform.


def _log_failed_event(event: Event, problem: Exception) -> None:
    metrics.failed(problem)
    log.error("event failed", event_id=event.id, kind=event.kind, error=type(problem).__name__)


def _log_failed_delivery(outgoing: Outgoing, problem: Exception) -> None:
    metrics.failed(problem)
    is_about_the_platform = isinstance(problem, OperatorError | AdminError | DeliveryFailed)
    why = {"remedy": str(problem)} if is_about_the_platform else {}
    log.warning("delivery failed", outgoing=outgoing.id, kind=outgoing.kind, error=type(problem).__name__, **why)


def _log_sweep(swept: Swept) -> None:
    where = {"platform": swept.platform, "channel": swept.place.channel if swept.place is not None else None}
    if isinstance(swept.problem, MenteeError):
        log.warning("history not read", **where, remedy=str(swept.problem))
    elif swept.problem is not None:
        log.warning("history not read", **where, error=type(swept.problem).__name__)
    if swept.unseen:
        log.warning("history too old to look at", **where, hours=round(swept.unseen.total_seconds() / 3_600, 1))
    if swept.found:
        log.info("missed events found", **where, count=swept.found)


def _log_missing_profile(problem: Exception) -> None:
    if isinstance(problem, MenteeError):
        log.warning("no profile of who asks", remedy=str(problem))
    else:
        log.warning("no profile of who asks", error=type(problem).__name__)
