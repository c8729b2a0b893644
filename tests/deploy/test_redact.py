"""`mentee redact`: standard input to standard output, line by line."""

import json
from pathlib import Path

from typer.testing import CliRunner

from deploy.cli import app

TEXT = "mail a@b.example\n\nask Cara, a@b.example or c@d.example\nno newline at the end"


def test_each_line_comes_out_redacted(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Cara Smith\n")
    told = CliRunner().invoke(app, ["redact", "--names", str(tmp_path / "names.txt")], input=TEXT)
    expected = ["mail <EMAIL_1>", "", "ask <NAME_1>, <EMAIL_1> or <EMAIL_2>", "no newline at the end"]
    assert told.stdout.split("\n") == [*expected, ""]


def test_json_names_the_characters_that_were_personal() -> None:
    told = CliRunner().invoke(app, ["redact", "--json"], input=TEXT)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert lines[0] == {"text": "mail <EMAIL_1>", "spans": [{"start": 5, "end": 16, "kind": "EMAIL"}]}
    assert len(lines) == 4


def test_a_file_of_names_that_is_not_there_is_told() -> None:
    told = CliRunner().invoke(app, ["redact", "--names", "nowhere.txt"], input=TEXT)
    assert told.exit_code == 1
    assert "nowhere.txt" in told.stderr
