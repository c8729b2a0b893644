"""`mentee bench …`: one command for each benchmark. Knows their names and options; they are in deploy/bench."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.bench.report import open_bench
from deploy.settings import read_settings
from deploy.shown import told

app = typer.Typer(
    no_args_is_help=True, help="Measure Mentee on this machine, beside what would be used instead.",
)  # fmt: skip

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything measured there.")]

AdapterFolder = Annotated[
    Path | None, typer.Option("--adapter", metavar="FOLDER", help="Measure this adapter, not one trained for it.")
]


@app.command()
def serving(json_file: JsonFile = None, adapter: AdapterFolder = None) -> None:
    """Measure answers: known and generated, one and many at once, beside transformers, peft and llama.cpp."""
    from deploy.bench import serving as workloads

    with told(), open_bench("serving", json_file) as opened:
        workloads.run(opened, read_settings(), adapter)


@app.command()
def training(json_file: JsonFile = None) -> None:
    """Measure training, with and without a shared prompt, beside TRL."""
    from deploy.bench import training as workloads

    with told(), open_bench("training", json_file) as opened:
        workloads.run(opened, read_settings())


@app.command()
def retrieval(json_file: JsonFile = None) -> None:
    """Measure the search over 1,000 to 1,000,000 entries: time, recall, memory, growth."""
    from deploy.bench import retrieval as workloads

    with told(), open_bench("retrieval", json_file) as opened:
        workloads.run(opened, read_settings())


Split = Annotated[str, typer.Option(help="test: sentences that no rule was tuned on. dev: the others.")]


@app.command()
def privacy(
    split: Split = "test", as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Measure redaction: what is found, missed, wrongly taken, and how long it takes, on invented sentences."""
    from deploy.bench.privacy import run

    with told(as_json):
        run.run(split, as_json=as_json)


@app.command()
def ingest(json_file: JsonFile = None) -> None:
    """Measure loading FAQ files of 1,000 to 100,000 entries: time, memory, planted duplicates found."""
    from deploy.bench import ingest as workloads

    with told(), open_bench("ingest", json_file) as opened:
        workloads.run(opened)


DataFile = Annotated[Path, typer.Option("--data", help="Questions with gold answers; its form: deploy/bench/README.md")]
SectionsFile = Annotated[Path | None, typer.Option("--kb", help="Help sections that may be answered from.")]
GeneralFile = Annotated[Path | None, typer.Option("--general", help="Texts that must not be forgotten.")]
ScopeFile = Annotated[Path | None, typer.Option("--oos", help="Questions that nothing answers.")]
Seeds = Annotated[int, typer.Option(min=1, help="Streams of events to average over.")]
SystemNames = Annotated[
    str, typer.Option("--systems", help="Names with commas between them; empty: all, with --quick a few.")
]
Quick = Annotated[bool, typer.Option("--quick", help="A small part of it, in less than 10 minutes.")]
OneRound = Annotated[
    bool, typer.Option("--one-round", help="Retrain once, and not along the stream, which takes hours.")
]
OutFolder = Annotated[Path, typer.Option("--out", help="Where the report goes; a run that was interrupted goes on.")]


@app.command()
def learning(
    data: DataFile, out: OutFolder, kb: SectionsFile = None, general: GeneralFile = None, oos: ScopeFile = None,
    seeds: Seeds = 1, systems: SystemNames = "", quick: Quick = False, one_round: OneRound = False,
) -> None:  # fmt: skip
    """Measure what corrections buy: accuracy by corrections, coverage, effort, forgetting, poisoning, an adapter."""
    from deploy.bench.learning import run

    with told():
        chosen = [name.strip() for name in systems.split(",") if name.strip()]
        run.run(run.Options(data, kb, general, oos, seeds, chosen, quick, one_round, out), read_settings())
