"""Settings → where direct questions are shown to agents, and which product is spoken of where. Knows nothing of whether
the bot is in those channels."""

import re
from collections.abc import Mapping

from bot.errors import SettingError
from bot.events import Place
from bot.ids import Tenant
from bot.people import Platform
from bot.tenants import tenant_of


def slack_agents_channels(setting: str | None, workspaces: frozenset[str]) -> Mapping[Platform | Tenant, Place]:
    """One channel, or each workspace's own. `workspaces`: those that may install the app. Raises SettingError."""
    if setting is None:
        return {}
    is_one = re.fullmatch(r"[CG][A-Z0-9]{2,}", setting)
    if is_one and len(workspaces) < 2:
        return {Platform.SLACK: Place(Platform.SLACK, "", setting)}
    pairs = [re.fullmatch(r"(T[A-Z0-9]{2,})=([CG][A-Z0-9]{2,})", each.strip()) for each in setting.split(",")]
    found = {pair[1]: pair[2] for pair in pairs if pair is not None}
    if len(found) < len(pairs) or (workspaces and not workspaces.issuperset(found)):
        raise SettingError(
            f"SLACK_AGENTS_CHANNEL is {setting!r}. It takes a channel's id (C…), not its name; where SLACK_WORKSPACES "
            "names several, a channel for each that has one: T0123ABC=C0123ABC,T0456DEF=C0456DEF."
        )
    places = [Place(Platform.SLACK, workspace, channel) for workspace, channel in found.items()]
    return {tenant_of(place): place for place in places}


def discord_agents_channel(setting: str | None) -> Mapping[Platform | Tenant, Place]:
    """Raises SettingError."""
    if setting is None:
        return {}
    link = re.search(r"([0-9]{15,20})/([0-9]{15,20})/?$", setting)
    if link is None:
        raise SettingError(
            f"DISCORD_AGENTS_CHANNEL is {setting!r}. It takes a channel's link: right-click it › Copy Link."
        )
    return {Platform.DISCORD: Place(Platform.DISCORD, link[1], link[2])}


def channel_products(setting: frozenset[str]) -> Mapping[str, str]:
    """By channel id. Raises SettingError."""
    pairs = [tuple(part.strip() for part in each.partition("=")[::2]) for each in sorted(setting)]
    found = {channel: product for channel, product in pairs if channel and product}
    if len(found) < len(pairs):
        raise SettingError(
            f"MENTEE_CHANNEL_PRODUCTS is {', '.join(sorted(setting))!r}. It takes a product for each channel's id, and "
            "one alone: C0123ABC=Grove,C0456DEF=Orchard."
        )
    return found
