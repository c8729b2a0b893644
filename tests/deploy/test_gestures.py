"""The table of gestures names tests that exist, and leaves nothing out."""

import re
from pathlib import Path

import pytest

from bot.access import COMMANDS
from bot.buttons import Act
from bot.feedback import DEFAULT_EMOJI
from bot.texts import ENGLISH

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "deploy" / "GESTURES.md").read_text(encoding="utf-8")
PLATFORMS = ("slack", "discord", "web")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("| ")]
HEADINGS = {"Slack", "Discord", "page", "terminal"}
BUTTONS = {
    Act.CLAIM: "take it", Act.SOLVE: "solve it", Act.LEARN: ENGLISH.learn_button, Act.REASON: "❌, and why",
    Act.REPLACE: ENGLISH.noted_apart_button,
    Act.APPROVE: "feedback buttons", Act.REJECT: "feedback buttons",
}  # fmt: skip
"""What the table calls them."""


def test_every_test_that_the_table_names_is_there() -> None:
    named = re.findall(r"`(\w+)/(test_\w+\.py)::(test_\w+)`", TABLE)
    assert len(named) > 100
    assert len(named) == TABLE.count("::")
    for folder, file, test in named:
        parent = ROOT / "tests" / ("connectors" if folder in PLATFORMS else "") / folder
        assert re.search(rf"^(async )?def {test}\(", (parent / file).read_text(encoding="utf-8"), re.MULTILINE), test


def test_no_cell_is_left_open() -> None:
    for row in ROWS:
        assert set(row[1:]) <= HEADINGS or all(row), row[0]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_a_row(command: str) -> None:
    assert any(f"`{command}`" in row[0] or f"`{command} " in row[0] for row in ROWS)


@pytest.mark.parametrize("words", [*sorted(BUTTONS.values()), "did you mean", "✅", "❌", "✏️"])
def test_every_gesture_has_a_row(words: str) -> None:
    assert any(words in row[0] for row in ROWS)


def test_nothing_that_people_can_press_or_choose_was_forgotten_here() -> None:
    assert set(BUTTONS) == set(Act)
    assert {"✅", "❌", "✏"} <= set(DEFAULT_EMOJI)
    for menu in (ENGLISH.offer_button, ENGLISH.right_answer_menu, ENGLISH.why_menu):
        assert any(row[0] == f"menu: {menu}" for row in ROWS)
