"""Asking and teaching: what is known, what led to an answer, what waits for review."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from bot.answers import PostedAnswer
from bot.desk import TERMINAL
from bot.people import OPERATOR
from bot.ports import Unit
from bot.tenants import named
from deploy import shown
from deploy.cli.opening import AsJson, opened, say
from deploy.parts import Kept
from deploy.shown import told

app = typer.Typer()

PANEL = "Ask and teach"
Question = Annotated[str, typer.Argument(metavar="QUESTION", help="In quotation marks, as a customer would ask it.")]
RightAnswer = Annotated[str, typer.Argument(metavar="ANSWER", help="In quotation marks; said word for word.")]
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
Workspace = Annotated[
    str, typer.Option("--workspace", metavar="ID", help="As slack:T0123ABC: for it alone, where they don't share.")
]
HeldLesson = Annotated[str, typer.Argument(metavar="ID", help="As `mentee review` or `mentee blame` shows it.")]
AnswerLink = Annotated[str, typer.Argument(metavar="ANSWER", help="The link of an answer in a chat, or an id.")]


@app.command(rich_help_panel=PANEL)
def ask(text: Question, workspace: Workspace = "", as_json: AsJson = False) -> None:
    """Ask a question, as a customer would. Prints the answer and what it was made of."""
    with told(as_json), opened() as kept:
        from deploy.verbs import ask as answer

        found, adapter = asyncio.run(answer(kept, text, shown.stream(as_json), named(workspace)))
        shown.answer(found, adapter, as_json)


@app.command(rich_help_panel=PANEL)
def teach(question: Question, answer: RightAnswer, workspace: Workspace = "", as_json: AsJson = False) -> None:
    """Teach the right answer to a question. It serves the very next question that means the same."""
    with told(as_json), opened() as kept:
        from deploy.verbs import teach as take

        shown.lesson(asyncio.run(take(kept, question, answer, named(workspace))), as_json)


@app.command(rich_help_panel=PANEL)
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
    with told(as_json), opened() as kept:
        from deploy import loading

        if dropped:
            return loading.show_dropped(kept, as_json)
        quotas = most_per_topic, most_per_person
        wanted = loading.wanted(kept, language or (), quotas, as_is, licence, consent, dry_run, workspace)
        return loading.load(kept, sources or (), host or (), wanted, as_json)


@app.command(rich_help_panel=PANEL)
def why(answer: AnswerLink, as_json: AsJson = False) -> None:
    """Say what an answer was made of."""
    _tell_of(answer, lambda kept, unit, posted: kept.commands.explain(unit, posted), as_json)


@app.command(rich_help_panel=PANEL)
def blame(answer: AnswerLink, as_json: AsJson = False) -> None:
    """Say which lessons, pages and adapter led to an answer, who taught them when, and what can be done."""
    _tell_of(answer, lambda kept, unit, posted: kept.commands.blame(unit, posted), as_json)


@app.command(rich_help_panel=PANEL)
def review(as_json: AsJson = False) -> None:
    """List the lessons that wait for review, and why."""
    with told(as_json), opened() as kept:
        held = kept.store.run_sync(lambda unit: unit.lessons.held())
        contradicting = kept.store.run_sync(kept.commands.reviewing.contradicting)
        text = kept.store.run_sync(kept.commands.reviewing.describe)
        against = [asdict(lesson) | {"against": asdict(found)} for lesson, found in contradicting]
        shown.data({"held": [asdict(lesson) for lesson in held], "contradicting": against}, text, as_json)


@app.command(rich_help_panel=PANEL)
def accept(lesson: HeldLesson, as_json: AsJson = False) -> None:
    """Use a lesson that waits for review. Its teacher is told when the bot runs."""
    say(lambda kept: kept.store.run_sync(partial(_decide, kept, "accept", lesson)), as_json)


@app.command(rich_help_panel=PANEL)
def drop(lesson: HeldLesson, as_json: AsJson = False) -> None:
    """Never use a lesson again, whether it waits or is in use. Its teacher is told when the bot runs."""
    say(lambda kept: kept.store.run_sync(partial(_decide, kept, "drop", lesson)), as_json)


def _decide(kept: Kept, verb: str, lesson: str, unit: Unit) -> str:
    text, told_others = kept.commands.decide(unit, verb, lesson, OPERATOR, TERMINAL)
    for outgoing in told_others:
        unit.outbox.add(outgoing)
    return text


def _tell_of(link: str, tell: Callable[[Kept, Unit, PostedAnswer], str], as_json: bool) -> None:
    with told(as_json), opened() as kept:

        def look(unit: Unit) -> str:
            return tell(kept, unit, kept.commands.answer_at(unit, link))

        text = kept.store.run_sync(look)
        shown.data({"message": text}, text, as_json)
