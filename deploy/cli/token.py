"""`mentee token …`: tokens of programs, and who is signed in to the page."""

from typing import Annotated

import typer

from bot.passes import Scope
from bot.people import OPERATOR
from deploy import shown
from deploy.cli.opening import AsJson, opened
from deploy.shown import told
from deploy.wiring import utc_now

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens for programs that use the page's API.")

Scopes = Annotated[list[Scope], typer.Option("--scope", help="What it is good for; may be given several times.")]
Days = Annotated[int, typer.Option("--days", help="How long it holds.")]
TokenName = Annotated[str, typer.Argument(metavar="NAME", help="Of the program, so that you know it again.")]
PassName = Annotated[str, typer.Argument(metavar="ID", help="As `mentee token list` shows it.")]


@app.command()
def create(name: TokenName, scope: Scopes, days: Days = 90, as_json: AsJson = False) -> None:
    """Make a token. It is printed once, and kept as a hash alone."""
    with told(as_json), opened() as kept:
        letting_in, by = kept.commands.letting_in, OPERATOR.key
        secret = kept.store.run_sync(lambda unit: letting_in.token(unit, name, frozenset(scope), days, by, utc_now()))
        shown.data({"token": secret}, secret, as_json)


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List tokens and sessions. Their secrets are nowhere to be seen."""
    with told(as_json), opened() as kept:
        passes = kept.store.run_sync(lambda unit: unit.passes.all())
        rows = [
            {"id": each.id, "kind": each.kind, "person": each.person.key, "scopes": sorted(each.scopes),
             "until": each.until.isoformat()}
            for each in passes
        ]  # fmt: skip
        shown.data({"passes": rows}, kept.commands.letting_in.describe(passes), as_json)


@app.command()
def revoke(id: PassName, as_json: AsJson = False) -> None:
    """End a token or a session, at once."""
    with told(as_json), opened() as kept:
        revoked = kept.store.run_sync(lambda unit: kept.commands.letting_in.revoke(unit, id, OPERATOR.key, utc_now()))
        shown.data({"revoked": revoked.id}, f"Revoked the {revoked.kind} of {revoked.person.key}.", as_json)
