"""Adapters: training them, and which of them answers."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deploy import shown
from deploy.cli.opening import AsJson, opened, say
from deploy.logs import set_up_logs
from deploy.settings import read_settings
from deploy.shown import told

app = typer.Typer()

PANEL = "Adapters"
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what a retraining would do.")]
StarterFolder = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Put it there instead of where Mentee looks for it.")
]
AdapterName = Annotated[str, typer.Argument(metavar="ID", help="v3, or the beginning of an id.")]


@app.command(rich_help_panel=PANEL)
def retrain(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Fine-tune a new adapter from the lessons, judge it, and promote it only if it answers better."""
    with told(as_json), opened() as kept:
        if dry_run:
            from deploy.verbs import plan as measure_and_plan

            plan = asyncio.run(measure_and_plan(kept))
            shown.data(asdict(plan), kept.commands.describe_plan(plan), as_json)
        else:
            from deploy.verbs import retrain as train

            with shown.progress(as_json) as watch:
                report = asyncio.run(train(kept, watch))
            shown.report(report, as_json)


@app.command(rich_help_panel=PANEL)
def adapters(as_json: AsJson = False) -> None:
    """List all adapters with their lineage."""
    with told(as_json), opened() as kept:
        everything = kept.store.run_sync(lambda unit: unit.adapters.all())
        live = kept.store.run_sync(kept.commands.live)
        shown.adapters(everything, live, kept.store.run_sync(kept.commands.moves), as_json)


@app.command(rich_help_panel=PANEL)
def promote(name: AdapterName, as_json: AsJson = False) -> None:
    """Let an adapter answer from now on. A running bot swaps it in without a restart."""
    say(lambda kept: kept.store.run_sync(lambda unit: kept.commands.promote(unit, name, "cli:operator")), as_json)


@app.command(rich_help_panel=PANEL)
def rollback(as_json: AsJson = False) -> None:
    """Go back to what answered before the present adapter was promoted."""
    say(lambda kept: kept.store.run_sync(lambda unit: kept.commands.rollback(unit, "cli:operator")), as_json)


@app.command(rich_help_panel=PANEL)
def starter(out: StarterFolder = None, as_json: AsJson = False) -> None:
    """Train the adapter that a fresh installation begins with. It can read help texts, and knows no fact yet.

    The bundled model's comes with Mentee; any other base model wants one of its own.
    """
    with told(as_json):
        from deploy.verbs import make_starter

        settings = read_settings()
        set_up_logs(settings, at_least="warning")
        with shown.progress(as_json) as watch:
            folder, evaluation = asyncio.run(make_starter(settings, out, watch))
        shown.starter(folder, evaluation, as_json)
