"""The command line `mentee`: the same use cases that the chat commands call, for whoever runs the machine.

Works with the bot running or not: both read and write the same database. Knows how to ask and to show, nothing else.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot.answers import PostedAnswer
from bot.desk import TERMINAL
from bot.people import OPERATOR
from bot.ports import Unit
from bot.tenants import named
from deploy import shown
from deploy.cli_bench import bench
from deploy.cli_token import token
from deploy.logs import set_up_logs
from deploy.parts import Kept, open_kept
from deploy.settings import Settings, read_settings
from deploy.shown import told

T = TypeVar("T")

app = typer.Typer(
    name="mentee", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="The support bot for Slack and Discord that support agents teach.",
    epilog="Settings come from mentee.toml, .env and the environment; .env.example explains them. "
    "Start with `mentee doctor`.",
)  # fmt: skip

app.add_typer(bench, name="bench")
app.add_typer(token, name="token")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
WithDemo = Annotated[bool, typer.Option("--demo", help="Load the demo product's help when nothing is known yet.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what a retraining would do.")]
StarterFolder = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Put it there instead of where Mentee looks for it.")
]
PersonName = Annotated[str, typer.Argument(metavar="PERSON", help="slack:U123, an id, or a name.")]
WithLessons = Annotated[bool, typer.Option("--with-lessons", help="Also what the person has taught.")]
Verify = Annotated[bool, typer.Option("--verify", help="Check the chain of hashes, and print the newest one.")]
Head = Annotated[str, typer.Option("--head", metavar="SHA256", help="A newest hash of before: it must still be there.")]
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")]
Repair = Annotated[bool, typer.Option("--repair", help="Clear what a crash left behind.")]
NamesFile = Annotated[Path | None, typer.Option("--names", metavar="FILE", help="Who is known: a name in each line.")]
Sources = Annotated[
    list[str] | None, typer.Argument(metavar="PATHS", help="Files, folders of them, the address of a sitemap or page.")
]
FromHosts = Annotated[list[str] | None, typer.Option("--host", help="A host that may be fetched from, this time.")]
Languages = Annotated[list[str] | None, typer.Option("--language", help="Keep only entries in it (en, de, …).")]
MostPerTopic = Annotated[int, typer.Option("--most-per-topic", help="Keep at most so many of a topic; 0: all.")]
MostPerPerson = Annotated[int, typer.Option("--most-per-person", help="Keep at most so many pairs that one resolved.")]
AsIs = Annotated[bool, typer.Option("--as-is", help="Take entries as they stand, as when restoring dropped ones.")]
Licence = Annotated[str, typer.Option("--licence", help="Of what is loaded, where the files name none.")]
Consent = Annotated[str, typer.Option("--consent", help="Who agreed to its use, where the files don't say.")]
OnlyReport = Annotated[bool, typer.Option("--dry-run", help="Read and report; keep nothing.")]
Dropped = Annotated[bool, typer.Option("--dropped", help="Show what earlier loads dropped, and why; load nothing.")]
NewKey = Annotated[Path, typer.Argument(metavar="FILE", help="The new key: 64 hexadecimal digits, mode 600.")]
Workspace = Annotated[
    str, typer.Option("--workspace", metavar="ID", help="As slack:T0123ABC: for it alone, where they don't share.")
]
AdapterName = Annotated[str, typer.Argument(metavar="ID", help="v3, or the beginning of an id.")]

HeldLesson = Annotated[str, typer.Argument(metavar="ID", help="As `mentee review` or `mentee blame` shows it.")]
AnswerLink = Annotated[str, typer.Argument(metavar="ANSWER", help="The link of an answer in a chat, or an id.")]


@app.command()
def run(demo: WithDemo = False) -> None:
    """Start the bot: the page, Slack and Discord when their tokens are set, the schedule and the trainer."""
    with told():
        from deploy.serve import serve

        settings = read_settings()
        set_up_logs(settings)
        shown.greet(settings)
        asyncio.run(serve(settings, demo=demo))


@app.command()
def ask(text: str, workspace: Workspace = "", as_json: AsJson = False) -> None:
    """Ask a question, as a customer would. Prints the answer and what it was made of."""
    with told(as_json), _kept() as kept:
        from deploy.verbs import ask as answer

        found, adapter = asyncio.run(answer(kept, text, shown.stream(as_json), named(workspace)))
        shown.answer(found, adapter, as_json)


@app.command()
def teach(question: str, answer: str, workspace: Workspace = "", as_json: AsJson = False) -> None:
    """Teach the right answer to a question. It serves the very next question that means the same."""
    with told(as_json), _kept() as kept:
        from deploy.verbs import teach as take

        shown.lesson(asyncio.run(take(kept, question, answer, named(workspace))), as_json)


@app.command()
def ingest(
    sources: Sources = None, language: Languages = None, most_per_topic: MostPerTopic = 0,
    most_per_person: MostPerPerson = 0, as_is: AsIs = False, licence: Licence = "", consent: Consent = "",
    dry_run: OnlyReport = False, dropped: Dropped = False, host: FromHosts = None, workspace: Workspace = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Load help pages, FAQ files and conversations, folders of them, or a site; says what was dropped and why.

    Help pages: Markdown, HTML, PDF, Word. FAQ: CSV, Excel and JSON lines with question and answer. Conversations
    (Slack's export, DiscordChatExporter's JSON, Zendesk, Intercom, {"messages": …}) become pairs for you to review.
    """
    with told(as_json), _kept() as kept:
        from deploy import loading

        if dropped:
            return loading.show_dropped(kept, as_json)
        quotas = most_per_topic, most_per_person
        wanted = loading.wanted(kept, language or (), quotas, as_is, licence, consent, dry_run, workspace)
        return loading.load(kept, sources or (), host or (), wanted, as_json)


@app.command()
def redact(names: NamesFile = None, as_json: AsJson = False) -> None:
    """Replace personal data in standard input by placeholders, line by line. --json lists what was found, too."""
    with told(as_json):
        from deploy.redact import redact_lines

        redact_lines(sys.stdin, names, as_json=as_json)


@app.command()
def retrain(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Fine-tune a new adapter from the lessons, judge it, and promote it only if it answers better."""
    with told(as_json), _kept() as kept:
        if dry_run:
            from deploy.verbs import plan as measure_and_plan

            plan = asyncio.run(measure_and_plan(kept))
            shown.data(asdict(plan), kept.commands.describe_plan(plan), as_json)
        else:
            from deploy.verbs import retrain as train

            with shown.progress(as_json) as watch:
                report = asyncio.run(train(kept, watch))
            shown.report(report, as_json)


@app.command()
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


@app.command()
def adapters(as_json: AsJson = False) -> None:
    """List all adapters with their lineage."""
    with told(as_json), _kept() as kept:
        everything = kept.store.run_sync(lambda unit: unit.adapters.all())
        live = kept.store.run_sync(kept.commands.live)
        shown.adapters(everything, live, kept.store.run_sync(kept.commands.moves), as_json)


@app.command()
def promote(name: AdapterName, as_json: AsJson = False) -> None:
    """Let an adapter answer from now on. A running bot swaps it in without a restart."""
    _say(lambda kept: kept.store.run_sync(lambda unit: kept.commands.promote(unit, name, "cli:operator")), as_json)


@app.command()
def rollback(as_json: AsJson = False) -> None:
    """Go back to what answered before the present adapter was promoted."""
    _say(lambda kept: kept.store.run_sync(lambda unit: kept.commands.rollback(unit, "cli:operator")), as_json)


@app.command()
def why(answer: AnswerLink, as_json: AsJson = False) -> None:
    """Say what an answer was made of."""
    _tell_of(answer, lambda kept, unit, posted: kept.commands.explain(unit, posted), as_json)


@app.command()
def blame(answer: AnswerLink, as_json: AsJson = False) -> None:
    """Say which lessons, pages and adapter led to an answer, who taught them when, and what can be done."""
    _tell_of(answer, lambda kept, unit, posted: kept.commands.blame(unit, posted), as_json)


@app.command()
def settings(as_json: AsJson = False) -> None:
    """Say what is set, as far as it decides over answers and lessons, and where that is changed."""
    with told(as_json), _kept() as kept:
        shown.data({"message": kept.commands.settings}, kept.commands.settings, as_json)


@app.command()
def review(as_json: AsJson = False) -> None:
    """List the lessons that wait for review, and why."""
    with told(as_json), _kept() as kept:
        held = kept.store.run_sync(lambda unit: unit.lessons.held())
        contradicting = kept.store.run_sync(kept.commands.reviewing.contradicting)
        text = kept.store.run_sync(kept.commands.reviewing.describe)
        against = [asdict(lesson) | {"against": asdict(found)} for lesson, found in contradicting]
        shown.data({"held": [asdict(lesson) for lesson in held], "contradicting": against}, text, as_json)


@app.command()
def accept(lesson: HeldLesson, as_json: AsJson = False) -> None:
    """Use a lesson that waits for review. Its teacher is told when the bot runs."""
    _say(lambda kept: kept.store.run_sync(partial(_decide, kept, "accept", lesson)), as_json)


@app.command()
def drop(lesson: HeldLesson, as_json: AsJson = False) -> None:
    """Never use a lesson again, whether it waits or is in use. Its teacher is told when the bot runs."""
    _say(lambda kept: kept.store.run_sync(partial(_decide, kept, "drop", lesson)), as_json)


@app.command()
def forget(person: PersonName, with_lessons: WithLessons = False, as_json: AsJson = False) -> None:
    """Forget a person: what they wrote goes, with every adapter that learned from it. Prints the certificate."""
    with told(as_json), _kept() as kept:
        from deploy.erasing import forget as see_through

        certificate = asyncio.run(see_through(kept, person, with_lessons=with_lessons))
        shown.data(asdict(certificate), kept.commands.forgetting.describe(certificate), as_json)


@app.command()
def export(person: PersonName) -> None:
    """Print all that is kept of a person, as JSON."""
    with told(as_json=True), _kept() as kept:
        find = kept.commands.forgetting.find
        everything = kept.store.run_sync(lambda unit: unit.persons.export(find(unit, person).key))
        shown.data(everything, "", as_json=True)


@app.command()
def audit(verify: Verify = False, head: Head = "", as_json: AsJson = False) -> None:
    """Print who taught, commanded, promoted and forgot; or verify that nothing of it was changed."""
    with told(as_json), _kept() as kept:
        entries, people = kept.store.run_sync(lambda unit: (unit.audit.entries(), unit.audit.people()))
        if not verify:
            shown.audit(entries, people, as_json)
        elif not shown.verified(entries, head, as_json):
            raise typer.Exit(1)


@app.command()
def rekey(new: NewKey, as_json: AsJson = False) -> None:
    """Put the database under the key in a file; one without a key is encrypted. Stop the bot first."""
    with told(as_json):
        from deploy.encrypting import rekey as change

        text = change(read_settings(), new)
        shown.data({"message": text}, text, as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say what the bot knows and which adapter answers."""
    with told(as_json), _kept() as kept:
        now = kept.store.run_sync(kept.commands.status)
        shown.data(asdict(now), kept.commands.describe(now), as_json)


@app.command()
def backup(file: BackupFile, as_json: AsJson = False) -> None:
    """Write the database and its adapters into one file, with the bot running or not. SQLite only.

    It is encrypted with a key of its own, which stays here (MENTEE_BACKUP_KEYS) and is destroyed when somebody is
    forgotten: make a new backup then. Keep the keys in another place than the backups.
    """
    with told(as_json), _kept() as kept:
        from deploy.backups import write_backup

        shown.backup(write_backup(kept, file), "written", as_json)


@app.command()
def restore(file: BackupFile, as_json: AsJson = False) -> None:
    """Put a backup into an empty data folder. Everything is checked before anything is put in its place."""
    with told(as_json):
        from deploy.backups import restore_backup

        shown.backup(restore_backup(read_settings(), file), "restored", as_json)


@app.command()
def doctor(repair: Repair = False, as_json: AsJson = False) -> None:
    """Check the installation, and say how to mend what is missing."""
    with told(as_json):
        from deploy.doctor import examine

        findings = examine(read_settings(), repair=repair)
        shown.findings(findings, as_json)
        if any(finding.state == "fail" for finding in findings):
            raise typer.Exit(1)


def _decide(kept: Kept, verb: str, lesson: str, unit: Unit) -> str:
    text, told_others = kept.commands.decide(unit, verb, lesson, OPERATOR, TERMINAL)
    for outgoing in told_others:
        unit.outbox.add(outgoing)
    return text


def _tell_of(link: str, tell: Callable[[Kept, Unit, PostedAnswer], str], as_json: bool) -> None:
    with told(as_json), _kept() as kept:

        def look(unit: Unit) -> str:
            return tell(kept, unit, kept.commands.answer_at(unit, link))

        text = kept.store.run_sync(look)
        shown.data({"message": text}, text, as_json)


def _say(act: Callable[[Kept], str], as_json: bool) -> None:
    with told(as_json), _kept() as kept:
        text = act(kept)
        live = kept.store.run_sync(kept.commands.live)
        shown.data({"message": text, "adapter": kept.commands.name_of(live)}, text, as_json)


@contextmanager
def _kept() -> Iterator[Kept]:
    settings: Settings = read_settings()
    set_up_logs(settings, at_least="warning")
    with open_kept(settings) as kept:
        yield kept
