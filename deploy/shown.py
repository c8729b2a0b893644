"""How the command line shows things: JSON for programs, text and tables for people."""

import json
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot import lineage
from bot.answers import Answer
from bot.audit import Entry, first_broken
from bot.errors import MenteeError
from bot.feedback import Lesson
from bot.lineage import Adapter, Evaluation, Report
from bot.presentation import attribution
from bot.retraining import describe
from bot.texts import ENGLISH
from deploy.settings import Settings

if TYPE_CHECKING:
    from deploy.doctor import Finding
    from storage.backup import Backup

out = Console()
err = Console(stderr=True)


def data(values: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_finite(values), default=str, ensure_ascii=False, allow_nan=False))
    else:
        out.print(escape(_typed(text)))


def _typed(text: str) -> str:
    """What is told in chats, as it is typed here."""
    return text.replace("`/mentee ", "`mentee ")


def _finite(value: Any) -> Any:
    """JSON has no infinities: what could not be measured is null."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def problem(text: str) -> None:
    err.print(f"[red]✗[/] {escape(_typed(text))}")


@contextmanager
def told(as_json: bool = False) -> Iterator[None]:
    """Errors that somebody can mend are told in a sentence; anything else is a bug and keeps its traceback."""
    try:
        yield
    except MenteeError as error:
        if as_json:
            print(json.dumps({"error": str(error), "kind": type(error).__name__}))
        else:
            problem(str(error))
        raise typer.Exit(1) from error


def greet(settings: Settings) -> None:
    page = f"[bold]http://{settings.web_host}:{settings.web_port}[/]"
    out.print(f"Mentee is starting. As soon as the log says “ready”, its page is at {page}")
    out.print(f"Data in {settings.data_dir}, models in {settings.cache_dir}. Stop with Ctrl-C.")


def stream(as_json: bool) -> Callable[[str], None] | None:
    """Generated text is shown while it grows, dimmed: it is an answer only once it has been checked."""
    return None if as_json else lambda piece: err.print(f"[dim]{escape(piece)}[/]", end="")


def answer(found: Answer, adapter: str | None, as_json: bool) -> None:
    values = {
        "answer": found.text,
        "kind": found.kind.value,
        "sources": [asdict(source) for source in found.sources],
        "confidence": round(found.confidence, 4),
        "adapter": adapter,
        "latency_ms": round(found.latency_ms, 1),
        "candidates": [candidate.question for candidate in found.candidates],
        "confirmed_by": found.confirmation.by if found.confirmation else None,
        "confirmed_at": found.confirmation.at.isoformat() if found.confirmation else None,
        "id": found.id,
    }
    if as_json:
        return data(values, "", as_json=True)
    err.print()
    out.print(f"[bold]{escape(found.text)}[/]")
    for candidate in found.candidates:
        out.print(f"  • {escape(candidate.question)}")
    if found.candidates:
        out.print("[dim]Ask again in the words of the one that you mean.[/]")
    sources = "; ".join(source.title for source in found.sources)
    line = " · ".join(part for part in (found.kind.value, attribution(found, ENGLISH), sources) if part)
    out.print(f"[dim]{escape(line)} · confidence {found.confidence:.2f} · {found.latency_ms:.0f} ms[/]")
    out.print(f"[dim]What it was made of: mentee why {found.id}[/]")
    return None


def lesson(taken: Lesson, as_json: bool) -> None:
    values = {"lesson": taken.id, "fact": taken.fact, "question": taken.question, "answer": taken.answer}
    data(values, f"Noted. From now on “{taken.question}” is answered like that.", as_json)


@contextmanager
def bar(as_json: bool) -> Iterator[Callable[[lineage.Progress], None]]:
    """A bar on the terminal; with --json on standard error, so that the output stays JSON."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=as_json and not err.is_terminal) as shown:
        task = shown.add_task("Preparing", total=None, left="")

        def update(at: lineage.Progress) -> None:
            left = f"{at.eta_seconds / 60:.1f} min left" if at.eta_seconds is not None else ""
            shown.update(task, description=escape(at.stage), completed=at.done, total=at.total, left=left)

        yield update


@contextmanager
def progress(as_json: bool) -> Iterator[Callable[[lineage.Progress], Awaitable[None]]]:
    """The same for those who wait for it to be shown."""
    with bar(as_json) as update:

        async def watch(at: lineage.Progress) -> None:
            update(at)

        yield watch


def report(ended: Report, as_json: bool) -> None:
    data(asdict(ended), describe(ended, ENGLISH), as_json)
    if ended.evaluation is not None and not as_json:
        out.print(_evaluation(ended.evaluation))


def _evaluation(evaluation: Evaluation) -> Table:
    table = Table("measure", "items", "before", "after", "surely between", "required", "")
    for m in evaluation.measures:
        bounds = f"{m.lower:+.3f} … {m.upper:+.3f}"
        mark = "[green]✓[/]" if m.passed else "[red]✗[/]"
        table.add_row(m.name, str(m.items), f"{m.champion:.3f}", f"{m.challenger:.3f}", bounds, m.requirement, mark)
    return table


def starter(folder: Path, evaluation: Evaluation, as_json: bool) -> None:
    data({"folder": str(folder), "evaluation": asdict(evaluation)}, f"The starter adapter lies in {folder}.", as_json)
    if not as_json:
        out.print(_evaluation(evaluation))


def adapters(everything: Sequence[Adapter], live: Adapter | None, moves: Sequence[str], as_json: bool) -> None:
    if as_json:
        rows = [{**asdict(adapter), "name": adapter.name, "live": adapter == live} for adapter in everything]
        return data({"adapters": rows, "live": live.name if live else None, "moves": moves}, "", True)
    table = Table("", "name", "trained", "lessons", "base model", "weights", "id")
    for adapter in everything:
        table.add_row(
            "●" if adapter == live else "", adapter.name, f"{adapter.created_at:%Y-%m-%d %H:%M}",
            str(len(adapter.lessons)), adapter.base_model, adapter.weights_sha256[:12], adapter.id,
        )  # fmt: skip
    out.print(table if everything else ENGLISH.no_adapters)
    for move in moves:
        out.print(escape(move))
    return None


def audit(entries: Sequence[Entry], people: dict[str, str], as_json: bool) -> None:
    rows = [asdict(entry) | {"actor": people.get(entry.actor, "somebody who was forgotten")} for entry in entries]
    lines = (
        f"{row['number']}  {row['at']:%Y-%m-%d %H:%M:%S}  {row['actor']} {row['act']} {row['subject']}" for row in rows
    )
    data({"entries": rows}, "\n".join(lines), as_json)


def verified(entries: Sequence[Entry], head: str, as_json: bool) -> bool:
    """Say whether the log is what it was; `head` is a hash that it must contain."""
    broken = first_broken(entries)
    is_cut = bool(head) and head not in {entry.sha256 for entry in entries}
    newest = entries[-1].sha256 if entries else ""
    if broken is not None:
        text = f"The audit log was changed: the chain breaks at entry {broken}."
    elif is_cut:
        text = f"The audit log was cut: no entry has the hash {head}."
    else:
        text = f"{len(entries)} entries, none changed. Newest: {newest}"
    is_intact = broken is None and not is_cut
    data({"intact": is_intact, "entries": len(entries), "broken_at": broken, "head": newest}, text, as_json)
    return is_intact


def backup(made: "Backup", done: str, as_json: bool) -> None:
    size = f"{len(made.adapters)} adapters, {made.bytes / 1e6:.1f} MB"
    text = f"{made.file}, of {made.made_at:%Y-%m-%d %H:%M} UTC, was {done}: {size}."
    if made.left_out:
        text += f" Left out, since they are gone or broken on disk: {', '.join(made.left_out)}."
    data(asdict(made), text, as_json)


def findings(found: Sequence["Finding"], as_json: bool) -> None:
    if as_json:
        return data({"findings": [asdict(finding) for finding in found]}, "", as_json=True)
    marks = {"ok": "[green]✓[/]", "warn": "[yellow]![/]", "fail": "[red]✗[/]"}
    for finding in found:
        out.print(f"{marks[finding.state]} [bold]{finding.name}[/]: {escape(finding.text)}")
        if finding.remedy:
            out.print(f"    → {escape(finding.remedy)}")
    return None
