"""All that Mentee asks of Discord, in one place. deploy/discord/README.md says the same to the operator."""

import discord

INTENTS = ("guilds", "guild_messages", "guild_reactions", "dm_messages", "dm_reactions")

# Privileged: switched on in the developer portal. Without it Discord blanks the text of messages that don't mention
# the bot, so support channels can't be watched.
MESSAGE_CONTENT = "message_content"

SCOPES = ("bot", "applications.commands")

# Replies need the history; the "solved" tag of forum posts, and archived threads in which something is amended, the
# threads. Nothing else of anybody else's is changed.
PERMISSIONS = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, read_message_history=True, manage_threads=True
)

COMMAND = "mentee"

# Discord's own limits, in characters.
MAX_MESSAGE = 2_000
MAX_FIELD = 4_000
MAX_TITLE = 45
MAX_DESCRIPTION = 100
MAX_BUTTON_LABEL = 80


def intents(*, message_content: bool) -> discord.Intents:
    wanted = discord.Intents(**dict.fromkeys(INTENTS, True))
    wanted.message_content = message_content
    return wanted
