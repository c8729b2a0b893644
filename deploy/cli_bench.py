"""`mentee bench …`: one command for each benchmark. Knows their names and options; they are in deploy/bench."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.bench.report import open_bench
from deploy.settings import read_settings
from deploy.shown import told

bench = typer.Typer(
    no_args_is_help=True, help="Measure Mentee on this machine, beside what would be used instead.",
)  # fmt: skip

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything measured there.")]

AdapterFolder = Annotated[
    Path | None, typer.Option("--adapter", metavar="FOLDER", help="Measure this adapter, not one trained for it.")
]


@bench.command()
def serving(json_file: JsonFile = None, adapter: AdapterFolder = None) -> None:
    """Measure answers: known and generated, one and many at once, beside transformers, peft and llama.cpp."""
    from deploy.bench import serving as workloads

    with told(), open_bench("serving", json_file) as opened:
        workloads.run(opened, read_settings(), adapter)


@bench.command()
def training(json_file: JsonFile = None) -> None:
    """Measure training, with and without a shared prompt, beside TRL."""
    from deploy.bench import training as workloads

    with told(), open_bench("training", json_file) as opened:
        workloads.run(opened, read_settings())


@bench.command()
def retrieval(json_file: JsonFile = None) -> None:
    """Measure the search over 1,000 to 1,000,000 entries: time, recall, memory, growth."""
    from deploy.bench import retrieval as workloads

    with told(), open_bench("retrieval", json_file) as opened:
        workloads.run(opened, read_settings())
