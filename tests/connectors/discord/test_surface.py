"""The operator's instructions name exactly what the code asks of Discord."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.texts import ENGLISH, Texts
from connectors.discord import surface
from connectors.discord.commands import MenteeGroup
from connectors.discord.interactions import Interactions

README = (Path(__file__).parents[3] / "deploy" / "discord" / "README.md").read_text(encoding="utf-8")


def named_as(kind: str) -> set[str]:
    return set(re.findall(rf"^\| {kind} \| `([^`]+)` \|", README, re.MULTILINE))


@pytest.mark.parametrize(
    ("kind", "used"),
    [
        ("intent", set(surface.INTENTS)),
        ("privileged intent", {surface.MESSAGE_CONTENT}),
        ("scope", set(surface.SCOPES)),
    ],
)
def test_the_table_names_what_is_used(kind: str, used: set[str]) -> None:
    assert named_as(kind) == used


def test_the_table_names_the_permissions() -> None:
    assert discord.Permissions(**dict.fromkeys(named_as("permission"), True)) == surface.PERMISSIONS


@pytest.mark.parametrize("message_content", [True, False])
def test_the_client_asks_for_the_named_intents(message_content: bool) -> None:
    asked = {name for name, wanted in surface.intents(message_content=message_content) if wanted}

    assert asked == named_as("intent") | (named_as("privileged intent") if message_content else set())


def test_the_invitation_asks_for_the_scopes_and_permissions() -> None:
    scopes, permissions = re.findall(r"client_id=APPLICATION_ID&scope=([^&]+)&permissions=(\d+)", README)[0]

    assert scopes.split("+") == list(surface.SCOPES)
    assert int(permissions) == surface.PERMISSIONS.value
    assert f"number {surface.PERMISSIONS.value} in" in README


def test_every_command_is_listed() -> None:
    group = MenteeGroup(Interactions(None, ENGLISH, None))  # type: ignore[arg-type]  # none is given here
    commands = [command for command in group.walk_commands() if isinstance(command, app_commands.Command)]

    listed = re.findall(r"`/mentee (\w+)`", README)

    assert listed == [command.name for command in commands]


def test_all_that_stands_beside_the_commands_is_from_the_catalogue() -> None:
    """Name by name, so that the words of one aren't shown beside another; and all of those are used."""
    names = [field.name for field in fields(Texts) if field.name.startswith("describe_")]
    words: dict[str, Any] = {name: f"Own {name}" for name in names}
    own = replace(ENGLISH, **words)
    group = MenteeGroup(Interactions(None, own, None))  # type: ignore[arg-type]  # none is given here
    shown = {"describe_mentee": group.description}
    for command in group.commands:
        assert isinstance(command, app_commands.Command)
        shown[f"describe_{command.name}"] = command.description
        shown |= {f"describe_{each.name}": str(each.description) for each in command.parameters}
    assert shown == words
