"""`mentee doctor`: what is missing or broken on this machine, and how to mend it. Changes nothing but with --repair."""

import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bot.errors import MenteeError, NotWritten
from bot.lineage import serving_stack
from deploy.connections import discord_config, has_slack, page_config, slack_config
from deploy.engines import describe_engine
from deploy.parts import Kept, open_kept
from deploy.repairing import SET_ASIDE, clear, leftovers
from deploy.settings import Settings

NEEDED_DISK_GB = 2.0
SHOWN_EVENTS = 5


@dataclass(frozen=True)
class Finding:
    name: str
    state: Literal["ok", "warn", "fail"]
    text: str
    remedy: str = ""


def examine(settings: Settings, *, repair: bool = False) -> list[Finding]:
    """Run all checks; one that breaks is a finding itself. `repair`: clear what a crash left behind."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        _python, _disk, _models, _engine, _training, _ingest, partial(_database, repair), _slack, _discord, _page,
    ]  # fmt: skip
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += check(settings)
        except (MenteeError, OSError) as problem:
            findings.append(Finding(_name_of(check), "fail", str(problem)))
    return findings


def _name_of(check: Callable[[Settings], Iterator[Finding]]) -> str:
    function = check.func if isinstance(check, partial) else check
    return function.__name__.strip("_")


def _python(_: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", "ok", version)


def _disk(settings: Settings) -> Iterator[Finding]:
    for name, folder in (("data folder", settings.data_dir), ("model cache", settings.cache_dir)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free_gb = shutil.disk_usage(folder).free / 1e9
        if free_gb < NEEDED_DISK_GB:
            remedy = f"Training and models want {NEEDED_DISK_GB:.0f} GB. Make room, or choose another folder."
            yield Finding(name, "warn", f"{folder}: {free_gb:.1f} GB free", remedy)
        else:
            yield Finding(name, "ok", f"{folder}: {free_gb:.0f} GB free")


def _models(settings: Settings) -> Iterator[Finding]:
    from learning.models import verify_models

    for name, problem in verify_models(settings.base_model, settings.cache_dir):
        if problem is None:
            yield Finding(name, "ok", "present, hashes match")
        else:
            yield Finding(name, "warn", problem, "`mentee run` fetches it; delete a broken one from the cache first.")


def _engine(settings: Settings) -> Iterator[Finding]:
    try:
        text, remedy = describe_engine(settings)
    except NotWritten as problem:
        yield Finding("engine", "fail", str(problem), "Start the server, or mend MENTEE_ENGINE.")
        return
    yield Finding("engine", "warn" if remedy else "ok", f"{text} (MENTEE_ENGINE={settings.engine})", remedy)


def _training(settings: Settings) -> Iterator[Finding]:
    from learning.scheduling import parse_schedule

    threads = f"{settings.training_threads} threads" if settings.training_threads else "as many threads as pay"
    parse_schedule(settings.retrain_schedule)
    scheduled = f"; on schedule: {settings.retrain_schedule}" if settings.retrain_schedule else ""
    yield Finding("training", "ok", f"{threads}, at most {settings.training_memory_mb} MB{scheduled}")


def _ingest(_: Settings) -> Iterator[Finding]:
    from learning.sources.formats import missing_libraries

    if missing := missing_libraries():
        remedy = "To load HTML, PDF, Word and Excel: pip install -e '.[ingest]'"
        yield Finding("ingest", "ok", f"Markdown, CSV and JSON; not installed: {', '.join(missing)}", remedy)
    else:
        yield Finding("ingest", "ok", "reads help pages, FAQ files and conversations of every known format")


def _database(repair: bool, settings: Settings) -> Iterator[Finding]:
    with open_kept(settings) as kept:
        yield Finding("database", "ok", kept.store.describe())
        yield _live_adapter(kept)
        yield _left_behind(kept, repair)
        yield from _set_aside(kept)


def _live_adapter(kept: Kept) -> Finding:
    live = kept.store.run_sync(lambda unit: serving_stack(unit.adapters.history())[-1])
    if live is None:
        return Finding("adapter", "ok", "the base model answers; no adapter has been promoted")
    try:
        kept.adapter_files.verify(live)
    except MenteeError as problem:
        return Finding("adapter", "fail", str(problem), "`mentee rollback`, or `mentee promote` another one.")
    return Finding("adapter", "ok", f"{live} is live and whole")


def _left_behind(kept: Kept, repair: bool) -> Finding:
    found = leftovers(kept)
    if not found:
        return Finding("leftovers", "ok", "nothing that a crash left behind")
    told = "; ".join(f"{each.path}: {each.what}" for each in found)
    if not repair:
        return Finding("leftovers", "warn", told, "`mentee doctor --repair` clears it; no lesson or answer is lost.")
    clear(kept, found)
    kept_apart = any(each.is_of_use for each in found)
    aside = (
        f"Adapters lie in {kept.settings.data_dir / SET_ASIDE} now: delete them, or keep them." if kept_apart else ""
    )
    return Finding("leftovers", "ok", f"cleared: {told}", aside)


def _set_aside(kept: Kept) -> Iterator[Finding]:
    vitals = kept.store.run_sync(lambda unit: unit.vitals())
    if vitals.unanswered:
        told = f"{vitals.unanswered} questions got neither an answer nor a hand-off"
        yield Finding("questions", "fail", told, "That is a bug. Please report it, with the log.")
    parked = kept.store.run_sync(lambda unit: unit.inbox.parked())
    if parked:
        ids = ", ".join(f"{event.id} ({event.kind})" for event in parked[-SHOWN_EVENTS:])
        remedy = (
            "Whoever sent them was told. The log names the error beside each id (“event failed”); after it is mended, "
            "ask them to send it again."
        )
        yield Finding("events", "warn", f"{len(parked)} were set aside after three attempts: {ids}", remedy)
    if vitals.given_up:
        remedy = "Their questions were handed off. The log names the reason (“delivery failed”)."
        yield Finding("messages", "warn", f"{vitals.given_up} were never taken by their platform", remedy)


def _slack(settings: Settings) -> Iterator[Finding]:
    if not has_slack(settings):
        yield Finding("Slack", "ok", "not connected", "To connect it, follow deploy/slack/README.md.")
        return
    config = slack_config(settings)
    which = "one workspace" if config.bot_token is not None else f"workspaces {', '.join(config.workspaces)} by OAuth"
    apart = "; they don't share what they are taught" if settings.separate else ""
    yield Finding("Slack", "ok", f"tokens are set, {config.mode} mode, {which}{apart}")


def _discord(settings: Settings) -> Iterator[Finding]:
    if settings.discord_token is None:
        yield Finding("Discord", "ok", "not connected", "To connect it, follow deploy/discord/README.md.")
        return
    discord_config(settings, settings.discord_token.get_secret_value())
    yield Finding("Discord", "ok", "the token is set")


def _page(settings: Settings) -> Iterator[Finding]:
    page = page_config(settings)
    try:
        socket.create_connection((page.host, page.port), timeout=1.0).close()
        listening = " (something is listening: the bot, perhaps)"
    except OSError:
        listening = ""
    yield Finding("page", "ok", f"http://{page.host}:{page.port}{listening}")
