"""Slack's failures in our own words: what to try again, and which setting or permission to mend.

Nothing that Slack or its library says is passed on as it is: only the error's code, which never holds a secret.
"""

import logging

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import DeliveryFailed, SettingError

NETWORK_ERRORS = (aiohttp.ClientError, OSError)

# The bot, or the person, can't see the place: what is for one person's eyes can still be sent to them directly.
NOT_THERE = frozenset({"channel_not_found", "not_in_channel", "user_not_in_channel"})

# The message, or the one that opened its thread, was deleted.
GONE = frozenset({"message_not_found", "thread_not_found"})

_BUSY = frozenset({"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable"})
_REMEDIES = {
    **dict.fromkeys(NOT_THERE, "Invite the bot to the channel."),
    **dict.fromkeys(("account_inactive", "invalid_auth", "token_expired", "token_revoked"), "Mend SLACK_BOT_TOKEN."),
    "is_archived": "The channel is archived.",
    "missing_scope": "Reinstall the Slack app from deploy/slack/manifest.yaml.",
    "restricted_action": "Ask a workspace admin to let the app post there.",
}


def library_log() -> logging.Logger:
    """For bolt and the SDK. At their debug level they would quote messages."""
    logger = logging.getLogger("mentee.slack")
    logger.setLevel(logging.WARNING)
    return logger


def code_of(problem: SlackApiError) -> str:
    """Slack's name for the error; "http_502" where what answered wasn't Slack's own."""
    response = problem.response
    if not isinstance(response, AsyncSlackResponse):
        return "unreadable_answer"
    code = response.data.get("error") if isinstance(response.data, dict) else None
    return str(code or f"http_{response.status_code}")


def describe(problem: Exception) -> str:
    """The failure in one word, fit for a log."""
    return code_of(problem) if isinstance(problem, SlackApiError) else type(problem).__name__


def delivery_failed(problem: Exception) -> DeliveryFailed:
    """What the outbox has to know: when to try again; and what people can do."""
    if not isinstance(problem, SlackApiError):
        return DeliveryFailed(f"Slack could not be reached ({describe(problem)}). It is tried again.")
    code = code_of(problem)
    remedy = _REMEDIES.get(code, "It is tried again.")
    return DeliveryFailed(f"Slack refused the message: {code}. {remedy}", _retry_after_s(problem))


def setting_error(setting: str, problem: SlackApiError) -> SettingError:
    code = code_of(problem)
    if code.startswith("http_"):
        return SettingError(f"SLACK_API_URL leads to something that isn't Slack's API ({code}). Mend or remove it.")
    return SettingError(
        f"Slack refuses {setting} ({code}). Copy it again from your app's page at api.slack.com/apps, "
        "and reinstall the app if it was removed from the workspace."
    )


def is_transient(problem: SlackApiError) -> bool:
    """Slack, or something on the way to it, is busy or broken: nobody here has to act."""
    response = problem.response
    if not isinstance(response, AsyncSlackResponse):
        return True
    return response.status_code == 429 or response.status_code >= 500 or code_of(problem) in _BUSY


def is_unclear(problem: SlackApiError) -> bool:
    """Slack may have done what it was asked for before it broke. Being busy is a plain no."""
    response = problem.response
    return is_transient(problem) and not (isinstance(response, AsyncSlackResponse) and response.status_code == 429)


def _retry_after_s(problem: SlackApiError) -> float | None:
    response = problem.response
    if not isinstance(response, AsyncSlackResponse) or response.status_code != 429:
        return None
    asked = str(response.headers.get("Retry-After", ""))
    return float(asked) if asked.isdecimal() else None
