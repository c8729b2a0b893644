"""The running bot and the machine it runs on: its state, its settings, its backups."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.people import OPERATOR
from deploy import shown
from deploy.cli.opening import AsJson, opened, say
from deploy.logs import set_up_logs
from deploy.settings import read_settings
from deploy.shown import told

app = typer.Typer()

PANEL = "Run and look after"
WithDemo = Annotated[bool, typer.Option("--demo", help="Load the demo product's help when nothing is known yet.")]
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")]
Repair = Annotated[bool, typer.Option("--repair", help="Clear what a crash left behind.")]
NewKey = Annotated[Path, typer.Argument(metavar="FILE", help="The new key: 64 hexadecimal digits, mode 600.")]


@app.command(rich_help_panel=PANEL)
def run(demo: WithDemo = False) -> None:
    """Start the bot: the page, Slack and Discord when their tokens are set, the schedule and the trainer."""
    with told():
        from deploy.serve import serve

        settings = read_settings()
        set_up_logs(settings)
        shown.greet(settings)
        asyncio.run(serve(settings, demo=demo))


@app.command(rich_help_panel=PANEL)
def status(as_json: AsJson = False) -> None:
    """Say what the bot knows and which adapter answers."""
    with told(as_json), opened() as kept:
        now = kept.store.run_sync(kept.commands.status)
        shown.data(asdict(now), kept.commands.describe(now), as_json)


@app.command(rich_help_panel=PANEL)
def pause(as_json: AsJson = False) -> None:
    """Let the bot answer nothing: every question goes to the agents, until it is resumed."""
    say(lambda kept: kept.store.run_sync(lambda unit: kept.commands.set_paused(unit, True, OPERATOR.key)), as_json)


@app.command(rich_help_panel=PANEL)
def resume(as_json: AsJson = False) -> None:
    """Let the bot answer again."""
    say(lambda kept: kept.store.run_sync(lambda unit: kept.commands.set_paused(unit, False, OPERATOR.key)), as_json)


@app.command(rich_help_panel=PANEL)
def settings(as_json: AsJson = False) -> None:
    """Say what is set, as far as it decides over answers and lessons, and where that is changed."""
    with told(as_json), opened() as kept:
        shown.data({"message": kept.commands.settings}, kept.commands.settings, as_json)


@app.command(rich_help_panel=PANEL)
def doctor(repair: Repair = False, as_json: AsJson = False) -> None:
    """Check the installation, and say how to mend what is missing."""
    with told(as_json):
        from deploy.doctor import examine

        findings = examine(read_settings(), repair=repair)
        shown.findings(findings, as_json)
        if any(finding.state == "fail" for finding in findings):
            raise typer.Exit(1)


@app.command(rich_help_panel=PANEL)
def backup(file: BackupFile, as_json: AsJson = False) -> None:
    """Write the database and its adapters into one file, with the bot running or not. SQLite only.

    It is encrypted with a key of its own, which stays here (MENTEE_BACKUP_KEYS) and is destroyed when somebody is
    forgotten: make a new backup then. Keep the keys in another place than the backups.
    """
    with told(as_json), opened() as kept:
        from deploy.backups import write_backup

        shown.backup(write_backup(kept, file), "written", as_json)


@app.command(rich_help_panel=PANEL)
def restore(file: BackupFile, as_json: AsJson = False) -> None:
    """Put a backup into an empty data folder. Everything is checked before anything is put in its place."""
    with told(as_json):
        from deploy.backups import restore_backup

        shown.backup(restore_backup(read_settings(), file), "restored", as_json)


@app.command(rich_help_panel=PANEL)
def rekey(new: NewKey, as_json: AsJson = False) -> None:
    """Put the database under the key in a file; one without a key is encrypted. Stop the bot first."""
    with told(as_json):
        from deploy.encrypting import rekey as change

        text = change(read_settings(), new)
        shown.data({"message": text}, text, as_json)
