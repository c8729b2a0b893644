"""`/mentee …` and the message menu, turned into events. Everybody sees them; who may use what is decided in `bot`."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import discord
from discord import app_commands

from bot.errors import NotAllowed
from bot.shortening import cut
from bot.texts import Texts
from connectors.discord.interactions import Interactions
from connectors.discord.markdown import one_line
from connectors.discord.parsing import command_given, place_of_interaction, ref_of, reply_marked
from connectors.discord.surface import COMMAND

Interaction = discord.Interaction[Any]

_MAX_CHOICES = 25
_MAX_CHOICE_CHARS = 100
_COMPARED = ("type", "name", "description", "required", "autocomplete")


class MenteeGroup(app_commands.Group):
    def __init__(self, front: Interactions) -> None:
        super().__init__(name=COMMAND, description=front.texts.describe_mentee)
        self.front = front
        for command in self.commands:
            assert isinstance(command, app_commands.Command)
            command.description = _described(front.texts, command.name)
            options = {option.name: _described(front.texts, option.name) for option in command.parameters}
            app_commands.describe(**options)(command)

    @app_commands.command()
    async def help(self, interaction: Interaction) -> None:
        await self._give(interaction, "help")

    @app_commands.command()
    async def optout(self, interaction: Interaction) -> None:
        await self._give(interaction, "optout")

    @app_commands.command()
    async def optin(self, interaction: Interaction) -> None:
        await self._give(interaction, "optin")

    @app_commands.command()
    async def status(self, interaction: Interaction) -> None:
        await self._give(interaction, "status")

    @app_commands.command()
    async def why(self, interaction: Interaction, answer: str) -> None:
        await self._give(interaction, "why", answer)

    @app_commands.command()
    async def blame(self, interaction: Interaction, answer: str) -> None:
        await self._give(interaction, "blame", answer)

    @app_commands.command()
    async def adapters(self, interaction: Interaction) -> None:
        await self._give(interaction, "adapters")

    @app_commands.command()
    async def review(self, interaction: Interaction) -> None:
        await self._give(interaction, "review")

    @app_commands.command()
    async def accept(self, interaction: Interaction, lesson: str) -> None:
        await self._give(interaction, "accept", lesson)

    @app_commands.command()
    async def drop(self, interaction: Interaction, lesson: str) -> None:
        await self._give(interaction, "drop", lesson)

    @accept.autocomplete("lesson")
    @drop.autocomplete("lesson")
    async def _held(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        if not await self._may("accept", interaction):
            return []
        held = await self.front.desk.held(place_of_interaction(interaction))
        lines = {each.id: one_line(f"{each.author_name}: {each.question}") for each in held}
        found = [lesson for lesson, line in lines.items() if current.casefold() in f"{lesson} {line}".casefold()]
        return [
            app_commands.Choice(name=cut(lines[lesson], _MAX_CHOICE_CHARS), value=lesson)
            for lesson in found[:_MAX_CHOICES]
        ]

    @app_commands.command()
    async def retrain(self, interaction: Interaction, dry_run: bool = False) -> None:
        await self._give(interaction, "retrain", *(["--dry-run"] if dry_run else []))

    @app_commands.command()
    async def promote(self, interaction: Interaction, adapter: str) -> None:
        await self._give(interaction, "promote", adapter)

    @promote.autocomplete("adapter")
    async def _names(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        if not await self._may("promote", interaction):
            return []
        adapters = await self.front.desk.adapters(place_of_interaction(interaction))
        names = [adapter.name for adapter in adapters if current in adapter.name]
        return [app_commands.Choice(name=name, value=name) for name in names[-_MAX_CHOICES:]]

    @app_commands.command()
    async def rollback(self, interaction: Interaction) -> None:
        await self._give(interaction, "rollback")

    @app_commands.command()
    async def pause(self, interaction: Interaction) -> None:
        await self._give(interaction, "pause")

    @app_commands.command()
    async def resume(self, interaction: Interaction) -> None:
        await self._give(interaction, "resume")

    @app_commands.command()
    async def settings(self, interaction: Interaction) -> None:
        await self._give(interaction, "settings")

    @app_commands.command()
    async def login(self, interaction: Interaction) -> None:
        await self._give(interaction, "login")

    @app_commands.command()
    async def forget(self, interaction: Interaction, person: discord.User, with_lessons: bool = False) -> None:
        await self._give(interaction, "forget", str(person.id), *(["--with-lessons"] if with_lessons else []))

    async def _may(self, verb: str, interaction: Interaction) -> bool:
        """What stands behind a command is suggested to those alone who may give it."""
        try:
            self.front.desk.routing.commands.check_right(verb, await self.front.person_of(interaction))
        except NotAllowed:
            return False
        return True

    async def _give(self, interaction: Interaction, *words: str) -> None:
        await self.front.take(interaction, command_given(interaction, shlex.join(words)))


def _described(texts: Texts, name: str) -> str:
    text: str = getattr(texts, f"describe_{name}")
    return text


def menus(front: Interactions, texts: Texts) -> Iterator[app_commands.ContextMenu]:
    """The entries in the menu of every message. Where one makes no sense, the core refuses it in words."""

    async def correct(interaction: Interaction, message: discord.Message) -> None:
        answer = ref_of(message.channel.id, interaction.guild_id, message.id)
        await front.open_form(interaction, answer)

    async def right(interaction: Interaction, message: discord.Message) -> None:
        await front.take(interaction, reply_marked(interaction, message.channel.id, message.id, message))

    async def why(interaction: Interaction, message: discord.Message) -> None:
        await front.take(interaction, command_given(interaction, f"why {message.id}"))

    yield app_commands.ContextMenu(name=texts.offer_button, callback=correct)
    yield app_commands.ContextMenu(name=texts.right_answer_menu, callback=right)
    yield app_commands.ContextMenu(name=texts.why_menu, callback=why)


async def sync_commands(tree: app_commands.CommandTree[Any], guild: discord.Object | None) -> bool:
    """Tell Discord the commands if they are others than it has: it takes 200 changes a day, and a bot may restart
    more often. True when they were told. Raises discord.HTTPException."""
    if guild is not None:
        tree.copy_global_to(guild=guild)
    wanted = [_shape(command.to_dict(tree)) for command in tree.get_commands(guild=guild)]
    there = [_shape(command.to_dict()) for command in await tree.fetch_commands(guild=guild)]
    if sorted(wanted, key=_name) == sorted(there, key=_name):
        return False
    await tree.sync(guild=guild)
    return True


def _shape(command: Mapping[str, Any]) -> dict[str, Any]:
    """What we define of a command, without what Discord adds to it."""
    shape: dict[str, Any] = {key: command.get(key) or None for key in _COMPARED}
    shape["options"] = [_shape(option) for option in command.get("options") or []]
    return shape


def _name(shape: dict[str, Any]) -> str:
    return str(shape["name"])
