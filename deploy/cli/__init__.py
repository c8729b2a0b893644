"""The command line `mentee`: the same use cases that the chat commands call, for whoever runs the machine.

Works with the bot running or not: both read and write the same database. Knows how to ask and to show, nothing else.
What is slow to import is imported by the command that needs it.
"""

import typer

from deploy.cli import adapters, answers, bench, privacy, token, upkeep

app = typer.Typer(
    name="mentee", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="The support bot for Slack and Discord that support agents teach.",
    epilog="Settings come from mentee.toml, .env and the environment; .env.example explains them. "
    "Start with `mentee doctor`.",
)  # fmt: skip

for part in (upkeep, answers, adapters, privacy):  # in the order in which the help lists them
    app.add_typer(part.app)
app.add_typer(token.app, name="token", rich_help_panel=privacy.PANEL)
app.add_typer(bench.app, name="bench", rich_help_panel=upkeep.PANEL)
