"""Where the page is served, and who may open it. Knows nothing of environment variables but their names."""

import ipaddress
from dataclasses import dataclass, field

from bot.errors import SettingError


@dataclass(frozen=True)
class WebConfig:
    host: str = "127.0.0.1"
    port: int = 8080
    password: str | None = field(default=None, repr=False)
    """The operator's way in. May be left out where people come by links, or nobody but this machine can connect."""
    url: str = ""
    """Where people find it, as `https://bot.example.com`; links for signing in lead there."""
    posts_a_minute: int = 120
    """How often one person or program may send something. 0: no limit."""
    title: str = "Mentee"

    def __post_init__(self) -> None:
        """Raises SettingError for a page that the network could open without signing in."""
        if self.url and not self.url.startswith(("https://", "http://")):
            raise SettingError(f"MENTEE_WEB_URL is {self.url!r}. It must be an address, as https://bot.example.com.")
        if not self.asks_for_login and not is_loopback(self.host):
            raise SettingError(
                f"MENTEE_WEB_HOST is {self.host!r}, which other machines can reach: set MENTEE_WEB_PASSWORD, "
                "or MENTEE_WEB_URL for links from the chat, or keep the page on 127.0.0.1."
            )

    @property
    def asks_for_login(self) -> bool:
        """Where it doesn't, whoever can connect chooses a role: that is for one's own machine."""
        return bool(self.password or self.url)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to it. Any name but `localhost` could point anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
