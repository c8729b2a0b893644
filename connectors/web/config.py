"""Where the page is served, and who may open it. Knows nothing of environment variables but their names."""

import ipaddress
from dataclasses import dataclass, field

from bot.errors import SettingError


@dataclass(frozen=True)
class WebConfig:
    host: str = "127.0.0.1"
    port: int = 8080
    password: str | None = field(default=None, repr=False)
    """Asked for before anything is shown. May be left out only where nobody but this machine can connect."""
    title: str = "Mentee"

    def __post_init__(self) -> None:
        """Raises SettingError for a page that the network could open without a password."""
        if not self.password and not is_loopback(self.host):
            raise SettingError(
                f"MENTEE_WEB_HOST is {self.host!r}, which other machines can reach: set MENTEE_WEB_PASSWORD, "
                "or keep the page on 127.0.0.1."
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to it. Any name but `localhost` could point anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
