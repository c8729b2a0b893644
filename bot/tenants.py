"""Whose knowledge is whose. What is said in a workspace (a Slack workspace, a Discord server) belongs to it; what the
operator loads or teaches belongs to all. Whether workspaces see what others know is `Policy.separate`.

Knows nothing of what is kept: every lesson, phrasing, page, answer and session carries its tenant from the beginning,
so that the operator may change their mind.
"""

import re
from collections.abc import Sequence
from typing import TypeVar

from bot.errors import BadInput
from bot.events import Place
from bot.feedback import Fact, Lesson, Phrasing, facts_of
from bot.ids import SHARED, FactId, Tenant
from bot.people import Platform

T = TypeVar("T", Lesson, Phrasing)

_NAMED = re.compile(r"(slack:T[A-Z0-9]{2,}|discord:[0-9]{15,20})")


def tenant_of(place: Place) -> Tenant:
    """Whose it is what is said at a place.

    The page and the terminal are the operator's, unless the place names a workspace: of a session that was begun with
    a link from there. Discord names no server of a direct conversation, so each is one of its own.
    """
    if place.platform in (Platform.WEB, Platform.CLI):
        return Tenant(place.workspace) if ":" in place.workspace else SHARED
    direct = f"/{place.channel}" if place.platform is Platform.DISCORD and place.is_direct else ""
    return Tenant(f"{place.platform}:{place.workspace}{direct}")


def named(text: str) -> Tenant:
    """The workspace that somebody typed; nothing is what all share. Raises BadInput."""
    if text and not _NAMED.fullmatch(text):
        raise BadInput(f"{text!r} is no workspace: one is named as slack:T0123ABC or discord:123456789012345678.")
    return Tenant(text)


def facts_by_tenant(lessons: Sequence[Lesson], phrasings: Sequence[Phrasing]) -> dict[Tenant, list[Fact]]:
    """What all know, and of each workspace what it knows besides or otherwise: a fact as its own lessons and phrasings
    make it stands there in the place of the shared one."""
    own: dict[Tenant, set[FactId]] = {SHARED: {lesson.fact for lesson in lessons}}
    brought = [(each.tenant, each.fact) for each in lessons if each.withdrawn_at is None]
    brought += [(each.tenant, each.fact) for each in phrasings if each.withdrawn_at is None]
    for tenant, fact in brought:
        if tenant != SHARED:
            own.setdefault(tenant, set()).add(fact)
    return {
        tenant: [fact for fact in facts_of(seen(lessons, tenant), seen(phrasings, tenant)) if fact.id in theirs]
        for tenant, theirs in own.items()
    }


def seen(everything: Sequence[T], tenant: Tenant) -> list[T]:
    """What a workspace sees: its own, and what all share."""
    return [each for each in everything if each.tenant in (SHARED, tenant)]
