"""Personal data: what is kept of a person, forgetting them, and who did what."""

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deploy import shown
from deploy.cli.opening import AsJson, opened
from deploy.shown import told

app = typer.Typer()

PANEL = "Personal data"
PersonName = Annotated[str, typer.Argument(metavar="PERSON", help="slack:U123, an id, or a name.")]
WithLessons = Annotated[bool, typer.Option("--with-lessons", help="Also what the person has taught.")]
Verify = Annotated[bool, typer.Option("--verify", help="Check the chain of hashes, and print the newest one.")]
Head = Annotated[str, typer.Option("--head", metavar="SHA256", help="A newest hash of before: it must still be there.")]
NamesFile = Annotated[Path | None, typer.Option("--names", metavar="FILE", help="Who is known: a name in each line.")]


@app.command(rich_help_panel=PANEL)
def redact(names: NamesFile = None, as_json: AsJson = False) -> None:
    """Replace personal data in standard input by placeholders, line by line. --json lists what was found, too."""
    with told(as_json):
        from deploy.redact import redact_lines

        redact_lines(sys.stdin, names, as_json=as_json)


@app.command(rich_help_panel=PANEL)
def forget(person: PersonName, with_lessons: WithLessons = False, as_json: AsJson = False) -> None:
    """Forget a person: what they wrote goes, with every adapter that learned from it. Prints the certificate."""
    with told(as_json), opened() as kept:
        from deploy.erasing import forget as see_through

        certificate = asyncio.run(see_through(kept, person, with_lessons=with_lessons))
        shown.data(asdict(certificate), kept.commands.forgetting.describe(certificate), as_json)


@app.command(rich_help_panel=PANEL)
def export(person: PersonName) -> None:
    """Print all that is kept of a person, as JSON."""
    with told(as_json=True), opened() as kept:
        find = kept.commands.forgetting.find
        everything = kept.store.run_sync(lambda unit: unit.persons.export(find(unit, person).key))
        shown.data(everything, "", as_json=True)


@app.command(rich_help_panel=PANEL)
def audit(verify: Verify = False, head: Head = "", as_json: AsJson = False) -> None:
    """Print who taught, commanded, promoted and forgot; or verify that nothing of it was changed."""
    with told(as_json), opened() as kept:
        entries, people = kept.store.run_sync(lambda unit: (unit.audit.entries(), unit.audit.people()))
        if not verify:
            shown.audit(entries, people, as_json)
        elif not shown.verified(entries, head, as_json):
            raise typer.Exit(1)
