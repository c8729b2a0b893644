"""What the operator sets for Slack, checked before anything connects. Knows nothing of where settings come from."""

import re
from dataclasses import dataclass, field
from typing import Literal

from bot.errors import SettingError

_WORKSPACE = re.compile(r"T[A-Z0-9]{2,}")
_USER_OR_GROUP = re.compile(r"[SUW][A-Z0-9]{2,}")


@dataclass(frozen=True, kw_only=True)
class SlackConfig:
    """Raises SettingError, naming the setting and what to do about it."""

    bot_token: str | None = field(default=None, repr=False)
    """Of the one workspace. Without it, workspaces install the app by OAuth."""
    app_token: str | None = field(default=None, repr=False)
    """Needed for Socket Mode."""
    signing_secret: str | None = field(default=None, repr=False)
    """Needed for HTTP."""
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    workspaces: tuple[str, ...] = ()
    """The ids (T…) of those that may install the app by OAuth."""
    mode: Literal["socket", "http"] = "socket"
    api_url: str = "https://slack.com/api/"
    http_host: str = "127.0.0.1"
    http_port: int = 3000
    agents_mention: str | None = None
    """A user group (S…) or a person (U…), called when an answer is left to the people."""
    staff_groups: tuple[str, ...] = ()
    """The user groups (S…) whose members are looked up, to tell who is an agent or an admin."""

    def __post_init__(self) -> None:
        if self.client_id is not None:
            self._check_oauth()
        else:
            where = "OAuth & Permissions › Bot User OAuth Token"
            _check_prefix("SLACK_BOT_TOKEN", self.bot_token or "", "xoxb-", where)
        match self.mode:
            case "socket":
                where = "Basic Information › App-Level Tokens, with the scope connections:write"
                _check_prefix("SLACK_APP_TOKEN", self.app_token or "", "xapp-", where)
            case "http":
                if not self.signing_secret:
                    raise SettingError(
                        "SLACK_SIGNING_SECRET is missing, and HTTP mode can't tell Slack's requests from anybody's "
                        "without it. Copy it from your app's page: Basic Information › Signing Secret."
                    )
            case _:
                raise SettingError(f"SLACK_MODE is {self.mode!r}. It must be socket (no public address) or http.")
        if not self.api_url.startswith(("https://", "http://")):
            raise SettingError(f"SLACK_API_URL is {self.api_url!r}. It must be an address, as https://slack.com/api/.")
        _check_id("SLACK_AGENTS_MENTION", self.agents_mention)
        for group in self.staff_groups:
            _check_id("A staff group of MENTEE_AGENTS or MENTEE_ADMINS", group)

    def _check_oauth(self) -> None:
        if self.bot_token is not None:
            raise SettingError(
                "SLACK_BOT_TOKEN and SLACK_CLIENT_ID are both set. The first is for one workspace, the second for "
                "several that install the app themselves: unset one of them."
            )
        if not self.client_secret:
            raise SettingError(
                "SLACK_CLIENT_SECRET is missing. Copy it from your app's page: Basic Information › App Credentials."
            )
        if self.mode != "http":
            raise SettingError(
                "SLACK_CLIENT_ID is set, and SLACK_MODE is socket. Several workspaces need SLACK_MODE=http: Slack has "
                "to reach the bot, to install it."
            )
        if not self.workspaces or not all(map(_WORKSPACE.fullmatch, self.workspaces)):
            raise SettingError(
                f"SLACK_WORKSPACES is {', '.join(self.workspaces) or 'empty'}. It names the workspaces that may "
                "install the app, by their ids (T…): they stand in Slack's address in a browser."
            )


def _check_prefix(setting: str, value: str, prefix: str, where: str) -> None:
    """The value is a secret, so only its absence or its kind is told."""
    if not value.startswith(prefix):
        problem = "begins otherwise" if value else "is missing"
        raise SettingError(f"{setting} {problem}; it begins with {prefix}. Copy it from your app's page: {where}.")


def _check_id(setting: str, value: str | None) -> None:
    if value is not None and not _USER_OR_GROUP.fullmatch(value):
        raise SettingError(
            f"{setting} is {value!r}. It takes Slack's id of a user group (S…) or a person (U…), not a name: "
            "open the group or the profile in Slack, then ⋮ › Copy ID."
        )
