"""Discord's refusals in our own words: what is tried again, and who has to act on the rest.

Nothing that Discord or its library says is passed on as it is: only the error's code, which never holds a secret.
"""

import contextlib
from collections.abc import Iterator

import aiohttp
import discord
import structlog

from bot.errors import AdminError, DeliveryFailed, MenteeError, SettingError

NETWORK_ERRORS = (aiohttp.ClientError, OSError)

_REMEDIES = {
    10003: "The channel or thread is gone. Nothing can be said there any more.",
    10004: "The bot is on that server no more. Invite it again, or take the server out of DISCORD_SERVERS.",
    50001: "Give the bot the permission View Channel there, or add it to the thread if that is private.",
    50007: "The person takes no direct messages from the bot. Answer them elsewhere.",
    50013: "Give the bot the permissions View Channel, Send Messages, Send Messages in Threads and "
    "Read Message History there.",
    50083: "The thread is archived and locked. Open it again, or give the bot the permission Manage Threads.",
    160002: "Give the bot the permission Read Message History there: it answers as a reply.",
    160005: "The thread is locked. Unlock it, or give the bot the permission Manage Threads.",
}
_ANY_OTHER = "Look at the bot's permissions there."

log = structlog.get_logger()


@contextlib.contextmanager
def may_be_lost(what: str) -> Iterator[None]:
    try:
        yield
    except (MenteeError, discord.DiscordException, *NETWORK_ERRORS) as problem:
        log.debug("discord.lost", what=what, error=type(problem).__name__)


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Raises DeliveryFailed for what trying again may mend; AdminError, or SettingError where the token is refused, for
    what it can't. The rest comes through: it is a mistake of ours. `where`: the channel, as people know it."""
    try:
        yield
    except discord.RateLimited as problem:
        raise DeliveryFailed("Discord asks to go slower.", problem.retry_after) from problem
    except discord.HTTPException as problem:
        if problem.status == 429 or problem.status >= 500:
            asked = problem.response.headers.get("Retry-After", "")
            retry_after = float(asked) if asked.isdecimal() else None
            raise DeliveryFailed(f"Discord answered with status {problem.status}.", retry_after) from problem
        if problem.status == 401:
            raise SettingError("Discord refuses DISCORD_TOKEN. Make a new one, set it, and restart.") from problem
        if problem.code not in _REMEDIES and not isinstance(problem, discord.Forbidden):
            raise
        remedy = _REMEDIES.get(problem.code, _ANY_OTHER)
        raise AdminError(f"Discord refuses it in {where} (code {problem.code}). {remedy}") from problem
    except NETWORK_ERRORS as problem:
        raise DeliveryFailed(f"Discord can't be reached ({type(problem).__name__}).") from problem
