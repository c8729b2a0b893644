"""The command line as an operator meets it, without any model on the machine."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bot.answers import Answer, AnswerKind, Confirmation
from bot.feedback import Lesson, LessonSource
from bot.ids import FactId, LessonId, new_id
from bot.ports import Unit
from bot.texts import ENGLISH
from deploy import shown
from deploy.cli import app
from deploy.parts import open_kept
from deploy.settings import read_settings
from tests.bot.events import CUSTOMER, NOW, THREAD
from tests.deploy.adapters import keep_adapter, spoil
from tests.deploy.conftest import Mentee, words

COMMANDS = {
    "run", "ask", "teach", "ingest", "retrain", "starter", "adapters", "promote", "rollback", "status", "doctor",
    "bench", "redact", "token", "rekey", "forget", "export", "audit", "review", "accept", "drop", "backup", "restore",
    "why", "blame", "settings", "pause", "resume",
}  # fmt: skip


def test_every_command_explains_itself(mentee: Mentee) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert set(group.commands) == COMMANDS
    everything = mentee("--help")
    assert everything.exit_code == 0
    for name, command in group.commands.items():
        told = mentee(name, "--help")
        assert told.exit_code == 0
        assert command.help is not None
        assert words(command.help).split(". ")[0] in words(told.stdout)
        assert name in everything.stdout
    assert "─ Commands ─" not in everything.stdout, "each is listed with its like"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["status"], {"paused": False, "adapter": None, "facts": 0, "sections": 0, "lessons_since_adapter": 0}),
        (["adapters"], {"adapters": [], "live": None}),
        (["retrain", "--dry-run"], {"usable": 0, "new": 0, "held_out": 0, "examples": 0, "duplicates": 0}),
    ],
)
def test_a_fresh_folder_has_nothing_yet(mentee: Mentee, command: list[str], expected: dict[str, object]) -> None:
    told = mentee(*command, "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout).items() >= expected.items()
    assert mentee(*command).exit_code == 0


def test_a_dry_run_tells_why_nothing_would_be_trained(mentee: Mentee) -> None:
    told = mentee("retrain", "--dry-run", "--json")
    assert json.loads(told.stdout)["refusals"] == ["There are 0 lessons, and 8 are needed before training makes sense."]
    said = words(mentee("retrain", "--dry-run").stdout)
    assert "8 are needed" in said
    assert "Conflicts: none." in said
    assert "Personal data in it: none" in said
    assert "none is expected to change" in said


@pytest.mark.parametrize(
    ("command", "kind", "told"),
    [
        (["rollback"], "UnknownAdapter", "nothing to roll back to"),
        (["promote", "v9"], "UnknownAdapter", "no adapter 'v9'"),
        (["ingest", "nowhere"], "SourceUnreadable", "nowhere"),
    ],
)
def test_a_refusal_is_a_sentence_or_json(mentee: Mentee, command: list[str], kind: str, told: str) -> None:
    as_json = mentee(*command, "--json")
    assert as_json.exit_code == 1
    problem = json.loads(as_json.stdout)
    assert problem["kind"] == kind
    assert told in problem["error"]
    as_text = mentee(*command)
    assert (as_text.exit_code, as_text.stdout) == (1, "")
    assert told in words(as_text.stderr)


def test_an_unusable_setting_is_a_sentence_or_json(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_WEB_PORT", "http")
    assert json.loads(mentee("status", "--json").stdout)["kind"] == "SettingError"
    for command in (["status"], ["run"], ["doctor"]):
        told = mentee(*command)
        assert told.exit_code == 1
        assert "MENTEE_WEB_PORT is 'http'" in words(told.stderr)


def test_a_schedule_that_means_nothing_is_told_before_anything_starts(
    mentee: Mentee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTEE_RETRAIN_SCHEDULE", "now and then")
    told = mentee("run")
    assert told.exit_code == 1
    assert "MENTEE_RETRAIN_SCHEDULE is 'now and then'" in words(told.stderr)
    assert "MENTEE_RETRAIN_SCHEDULE is 'now and then'" in words(mentee("doctor").stdout)


def test_a_data_folder_that_is_a_file_is_told(mentee: Mentee, data: Path) -> None:
    data.write_text("")
    told = mentee("status", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["error"].startswith(f"MENTEE_DATA_DIR is {data}, which can't be used")


def test_a_database_of_a_newer_version_is_left_alone(mentee: Mentee, data: Path) -> None:
    mentee("status")
    with sqlite3.connect(data / "mentee.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    told = mentee("status", "--json")
    assert told.exit_code == 1
    problem = json.loads(told.stdout)
    assert problem["kind"] == "DatabaseError"
    assert "newer version of Mentee (schema '9999')" in problem["error"]


def test_an_adapter_is_listed_promoted_and_rolled_back(mentee: Mentee) -> None:
    with open_kept(read_settings()) as kept:
        adapter = keep_adapter(kept, number=1)
    listed = json.loads(mentee("adapters", "--json").stdout)
    assert listed["live"] is None
    assert [(row["name"], row["id"], row["live"]) for row in listed["adapters"]] == [("v1", adapter.id, False)]
    assert "v1" in mentee("adapters").stdout

    promoted = mentee("promote", "v1", "--json")
    assert json.loads(promoted.stdout) == {"message": "v1 answers from now on.", "adapter": "v1"}
    assert "v1 is answering already." in mentee("promote", adapter.id[:6]).stdout
    assert json.loads(mentee("adapters", "--json").stdout)["live"] == "v1"
    assert json.loads(mentee("status", "--json").stdout)["adapter"] == "v1"

    rolled_back = mentee("rollback", "--json")
    assert json.loads(rolled_back.stdout)["adapter"] == "base model"
    assert json.loads(mentee("adapters", "--json").stdout)["live"] is None


def test_the_bot_is_paused_and_resumed(mentee: Mentee) -> None:
    assert ENGLISH.is_paused.partition("`")[0] in words(mentee("pause").stdout)
    assert json.loads(mentee("status", "--json").stdout)["paused"]
    mentee("resume")
    assert not json.loads(mentee("status", "--json").stdout)["paused"]
    assert [entry["act"] for entry in json.loads(mentee("audit", "--json").stdout)["entries"]] == ["paused", "resumed"]


def test_commands_are_named_as_they_are_typed_here(mentee: Mentee) -> None:
    assert "`mentee adapters` lists them" in words(mentee("promote", "v9").stderr)
    assert "`/mentee" not in mentee("settings").stdout


def test_what_is_kept_is_for_its_owner_alone(mentee: Mentee, data: Path) -> None:
    mentee("status")
    assert data.stat().st_mode & 0o077 == 0


def test_an_answer_is_traced_and_its_lesson_dropped(mentee: Mentee) -> None:
    with open_kept(read_settings()) as kept:
        lesson, answer = kept.store.run_sync(_taught_and_said)
    said = words(mentee("blame", answer).stdout)
    assert f"`{lesson[-8:]}` of Ana, 2026-11-01 12:00, taught directly, in use" in said
    assert json.loads(mentee("why", answer, "--json").stdout)["message"].startswith("“Why?” → known")
    assert mentee("drop", lesson[-8:]).exit_code == 0
    assert "dropped by cli:operator" in words(mentee("blame", answer).stdout)
    unknown = mentee("blame", "nothing", "--json")
    assert (unknown.exit_code, json.loads(unknown.stdout)["error"]) == (1, ENGLISH.no_such_answer)


def _taught_and_said(unit: Unit) -> tuple[str, str]:
    taught = Lesson(
        id=LessonId(new_id()), fact=FactId(new_id()), question="Why?", answer="So.", author="slack:U1",
        author_name="Ana", source=LessonSource.TAUGHT, taught_at=NOW,
    )  # fmt: skip
    said = Answer(
        kind=AnswerKind.KNOWN, question="Why?", text="So.", confidence=1.0, latency_ms=1.0, fact=taught.fact,
        confirmation=Confirmation(taught.id, "Ana", NOW),
    )  # fmt: skip
    unit.lessons.add(taught)
    unit.answers.add(said, THREAD, CUSTOMER)
    return taught.id, said.id


def test_the_settings_are_told(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_KNOWN_FROM", "0.77")
    assert "served from a probability of 0.77 (`MENTEE_KNOWN_FROM`)" in words(mentee("settings").stdout)


def test_a_spoiled_adapter_is_not_promoted(mentee: Mentee) -> None:
    with open_kept(read_settings()) as kept:
        spoil(kept, keep_adapter(kept, number=1))
    told = mentee("promote", "v1", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["kind"] == "AdapterBroken"
    assert json.loads(mentee("status", "--json").stdout)["adapter"] is None


def test_help_pages_and_faq_are_loaded_once(mentee: Mentee, folder: Path) -> None:
    (folder / "help").mkdir()
    (folder / "help" / "plans.md").write_text("# Plans\n\n## Sign-on\n\nSingle sign-on comes with Forest.\n")
    (folder / "faq.csv").write_text("question,answer\nHow long is the trial?,21 days.\n")
    first = json.loads(mentee("ingest", "help", "faq.csv", "--json").stdout)
    assert {name: first[name] for name in ("sections", "facts", "unchanged", "skipped")} == {
        "sections": 1, "facts": 1, "unchanged": 0, "skipped": [],
    }  # fmt: skip
    assert (first["data"]["kept_entries"], first["data"]["dropped"]) == (1, 0)
    again = json.loads(mentee("ingest", "help", "faq.csv", "--json").stdout)
    assert again["unchanged"] == 2
    status = json.loads(mentee("status", "--json").stdout)
    assert (status["facts"], status["sections"]) == (1, 1)


def test_what_could_not_be_measured_is_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    shown.data({"measures": [{"lower": float("-inf"), "mean": float("nan"), "upper": 0.5}]}, "", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"measures": [{"lower": None, "mean": None, "upper": 0.5}]}


SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-hunter2",
    "SLACK_APP_TOKEN": "hunter2 is no app token",
    "SLACK_SIGNING_SECRET": "hunter2",
    "DISCORD_TOKEN": "hunter2 with a blank",
    "MENTEE_WEB_PASSWORD": "hunter2",
    "MENTEE_DATABASE_URL": "postgresql+psycopg://mentee:hunter2@127.0.0.1:1/mentee",
}


@pytest.mark.parametrize("command", [["status"], ["doctor"], ["rollback"], ["run"]])
def test_secrets_are_never_printed(mentee: Mentee, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    told = mentee(*command)
    assert told.exit_code == 1
    assert "postgresql+psycopg://mentee:***@127.0.0.1:1/mentee" in words(told.output).replace(" ", "")
    assert "hunter2" not in told.output


def test_the_installed_program_prints_json_alone_on_its_output(data: Path) -> None:
    """Its logs, however talkative, go to standard error."""
    program = Path(sys.executable).with_name("mentee")
    told = subprocess.run(
        [program, "status", "--json"], env={"MENTEE_DATA_DIR": str(data), "MENTEE_LOG_LEVEL": "debug"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(told.stdout)["facts"] == 0
