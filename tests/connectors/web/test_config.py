"""Where the page may be served without a password."""

import pytest

from bot.errors import SettingError
from connectors.web.config import WebConfig


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_needs_no_password(host: str) -> None:
    assert WebConfig(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "bot.example.com", "localhost.example.com", ""])
@pytest.mark.parametrize("password", [None, ""])
def test_an_address_that_others_reach_needs_a_password(host: str, password: str | None) -> None:
    with pytest.raises(SettingError, match="MENTEE_WEB_PASSWORD"):
        WebConfig(host=host, password=password)
    assert WebConfig(host=host, password="open sesame").host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_an_address_for_links_will_do_as_well(host: str) -> None:
    assert WebConfig(host=host, url="https://bot.example").asks_for_login


@pytest.mark.parametrize("url", ["bot.example", "javascript:alert(1)", "ftp://bot.example"])
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(SettingError, match="MENTEE_WEB_URL"):
        WebConfig(url=url)


def test_the_password_is_not_shown_with_the_settings() -> None:
    assert "sesame" not in repr(WebConfig(password="open sesame"))
