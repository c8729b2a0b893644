"""What every command does: open what is kept, and say what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from deploy import shown
from deploy.logs import set_up_logs
from deploy.parts import Kept, open_kept
from deploy.settings import read_settings
from deploy.shown import told

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@contextmanager
def opened() -> Iterator[Kept]:
    settings = read_settings()
    set_up_logs(settings, at_least="warning")
    with open_kept(settings) as kept:
        yield kept


def say(act: Callable[[Kept], str], as_json: bool) -> None:
    """Do it, and say what it says and which adapter answers now."""
    with told(as_json), opened() as kept:
        text = act(kept)
        live = kept.store.run_sync(kept.commands.live)
        shown.data({"message": text, "adapter": kept.commands.name_of(live)}, text, as_json)
