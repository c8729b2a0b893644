"""Slack's failures in our own words: whether they pass by themselves, and else who must act and how. How often is tried
again is the outbox's to decide.

Nothing that Slack or its library says is passed on as it is: only the error's code, which never holds a secret.
"""

import logging

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import AdminError, DeliveryFailed, MenteeError, SettingError

NETWORK_ERRORS = (aiohttp.ClientError, OSError)

# The bot, or the person, can't see the place: what is for one person's eyes can still be sent to them directly.
NOT_THERE = frozenset({"channel_not_found", "not_in_channel", "user_not_in_channel"})

# The message, or the one that opened its thread, was deleted.
GONE = frozenset({"message_not_found", "thread_not_found"})

_BUSY = frozenset(
    {
        "fatal_error", "internal_error", "org_login_required", "ratelimited", "request_timeout", "service_unavailable",
        "team_added_to_org",
    }
)  # fmt: skip
_OF_THE_PLACE = {
    **dict.fromkeys(NOT_THERE, "Invite the bot to the channel."),
    "is_archived": "The channel is archived.",
    "messages_tab_disabled": "Turn on the app's messages: App Home › Messages Tab.",
    "restricted_action": "Ask a workspace admin to let the app post there.",
}
_TOKEN = "Mend SLACK_BOT_TOKEN, or install the app anew."
_OF_THE_APP = {
    **dict.fromkeys(("account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"), _TOKEN),
    "missing_scope": "Reinstall the Slack app from deploy/slack/manifest.yaml.",
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


def refusal(problem: Exception) -> MenteeError:
    """Why a message wasn't taken: DeliveryFailed where that passes, AdminError where something about its place has to
    be mended, SettingError where no message can be sent at all; else it is the message's own fault."""
    if not isinstance(problem, SlackApiError):
        return DeliveryFailed(f"Slack could not be reached ({describe(problem)}). It is tried again.")
    code = code_of(problem)
    refused = f"Slack refused the message: {code}."
    if is_transient(problem):
        return DeliveryFailed(f"{refused} It is tried again.", _retry_after_s(problem))
    if code.startswith("http_"):
        return _not_slacks(code)
    if (remedy := _OF_THE_APP.get(code)) is not None:
        return SettingError(f"{refused} {remedy}")
    place = "restricted_action" if code.startswith("restricted_action") else code  # of which there are many
    if (remedy := _OF_THE_PLACE.get(place)) is not None:
        return AdminError(f"{refused} {remedy}")
    return MenteeError(f"{refused} Please report it to Mentee's developers.")


def setting_error(setting: str, problem: SlackApiError) -> SettingError:
    code = code_of(problem)
    if code.startswith("http_"):
        return _not_slacks(code)
    return SettingError(
        f"Slack refuses {setting} ({code}). Copy it again from your app's page at api.slack.com/apps, "
        "and reinstall the app if it was removed from the workspace."
    )


def _not_slacks(code: str) -> SettingError:
    return SettingError(f"SLACK_API_URL leads to something that isn't Slack's API ({code}). Mend or remove it.")


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
