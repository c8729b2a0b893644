"""`mentee ingest`: loads, shows how far it is, and tells what came of it. Decides nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from bot.errors import SettingError, SourceUnreadable
from bot.tenants import named
from deploy import shown
from deploy.parts import Kept, cleaning
from learning.sources.files import is_address
from learning.sources.ingest import IngestReport, Options, Tell, ingest
from learning.sources.papers import Papers
from learning.sources.report import DataReport

SHOWN_CONTRADICTIONS = 10
SHOWN_TOPICS = 5


def wanted(
    kept: Kept,
    languages: Sequence[str],
    quotas: tuple[int, int],
    as_is: bool,
    licence: str,
    consent: str,
    dry_run: bool,
    workspace: str = "",
) -> Options:
    """`quotas`: of a topic's entries, and of pairs that one person resolved. Raises BadInput for no workspace."""
    chosen = replace(
        cleaning(kept.settings), as_is=as_is, most_per_topic=quotas[0], most_per_person=quotas[1],
        languages=frozenset(language.lower() for language in languages),
    )  # fmt: skip
    return Options(chosen, licence, consent, papers_folder(kept), named(workspace), kept.settings.separate, dry_run)


def papers_folder(kept: Kept) -> Path:
    return kept.settings.data_dir / "ingest"


def load(kept: Kept, sources: Sequence[str], hosts: Sequence[str], options: Options, as_json: bool) -> None:
    """`sources`: files, folders, addresses. `hosts`: that may be fetched from, beside those of the settings."""
    if not sources:
        raise SettingError("Name the files or folders to load, or --dropped to see what earlier loads dropped.")
    allowed = kept.settings.ingest_hosts | frozenset(host.lower() for host in hosts)
    skipped: list[tuple[str, str]] = []
    with shown.bar(as_json) as tell:
        paths = list(_fetched(kept, sources, allowed, skipped, tell))
        report = asyncio.run(ingest(paths, kept.store, options, tell))
    skipped += [(str(path), reason) for path, reason in report.skipped]
    if as_json:
        return shown.data(_values(report, options, skipped), "", as_json=True)
    _show(report, options, skipped)
    return None


def _fetched(
    kept: Kept, sources: Sequence[str], hosts: frozenset[str], skipped: list[tuple[str, str]], tell: Tell
) -> Iterator[Path]:
    """Files and folders as they are; of an address, the folder that its pages were fetched into."""
    for source in sources:
        if not is_address(source):
            yield Path(source)
            continue
        try:
            from learning.sources.addresses import Hosts
            from learning.sources.site import mirror
        except ModuleNotFoundError as problem:
            raise SettingError(f"Fetching pages needs an extra: pip install -e '.[ingest]' ({problem})") from problem
        try:
            fetched = mirror(source, papers_folder(kept) / "sites", Hosts(hosts), tell)
        except SourceUnreadable as problem:
            raise SourceUnreadable(f"{source}: {problem}") from problem
        skipped += fetched.skipped
        yield fetched.folder


def show_dropped(kept: Kept, as_json: bool) -> None:
    """One row a line, so that it can be searched; with --json as they can be loaded again."""
    rows = list(Papers(papers_folder(kept)).all_dropped())
    if as_json:
        return shown.data({"dropped": rows}, "", as_json=True)
    for row in rows:
        shown.out.print(escape(f"{row['source']}:{row['line']} {row['step']}: {row['reason']} | {row['question']}"))
    shown.out.print(escape(
        f"{len(rows)} rows in {papers_folder(kept) / 'dropped'}. To restore some, copy their lines into a file of "
        "your own (.jsonl) and load it with `mentee ingest --as-is FILE`."
    ))  # fmt: skip
    return None


def _values(report: IngestReport, options: Options, skipped: Sequence[tuple[str, str]]) -> dict[str, Any]:
    data = asdict(report.data)
    return {
        "sections": report.sections,
        "facts": report.facts,
        "unchanged": report.unchanged,
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
        "dry_run": options.dry_run,
        "data": data | {"dropped": report.data.dropped},
    }


def _show(report: IngestReport, options: Options, skipped: Sequence[tuple[str, str]]) -> None:
    say, data = shown.out.print, report.data
    if options.dry_run:
        say("Dry run: nothing was kept.")
    say(f"{report.sections} help sections and {report.facts} FAQ entries loaded, {report.unchanged} files unchanged.")
    for path, reason in skipped:
        say(f"[yellow]skipped[/] {escape(f'{path}: {reason}')}")
    if data.steps:
        say(_steps(data))
    if data.entries or data.pairs:
        say(escape(_summary(data)))
    for each in data.contradictions[:SHOWN_CONTRADICTIONS]:
        say(f"[yellow]two answers[/] {escape(each.question)}")
        say(escape(f"    served: {each.answer} ({each.where})\n    held:   {each.other} ({each.other_where})"))
    for file in data.review_files:
        say(escape(f"To review, then `mentee ingest` it: {file}"))
    if data.dropped:
        say("`mentee ingest --dropped` shows all that was dropped, and how to restore it.")


def _steps(data: DataReport) -> Table:
    table = Table("step", "texts changed", "entries dropped", "for example")
    for name, effect in data.steps.items():
        table.add_row(name, f"{effect.changed:,}", f"{effect.dropped:,}", escape("\n".join(effect.examples)))
    return table


def _summary(data: DataReport) -> str:
    lines = [f"{data.entries:,} FAQ entries came in, {data.kept_entries:,} remain."]
    if data.pairs:
        lines.append(f"{data.pairs:,} pairs of conversations came in, {data.kept_pairs:,} are to be reviewed.")
    if data.languages:
        lines.append("Languages: " + ", ".join(f"{name} {n:,}" for name, n in _most(data.languages)))
    if data.quality:
        graded = ", ".join(f"{name} {data.quality.get(name, 0):,}" for name in ("good", "fair", "poor"))
        lines.append(f"By their form: {graded}")
    named = [(name, n) for name, n in _most(data.topics) if name][:SHOWN_TOPICS]
    if named:
        lines.append("Largest topics: " + ", ".join(f"{name} {n / data.kept_entries:.0%}" for name, n in named))
    return "\n".join(lines)


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The largest first."""
    return sorted(counts.items(), key=lambda each: -each[1])
