"""What becomes of a workspace that the app was removed from. Runs inside one transaction."""

from datetime import datetime

from bot.events import Place
from bot.following import unlearn
from bot.ids import Tenant
from bot.people import Platform
from bot.ports import Unit
from bot.tenants import tenant_of


def uninstall(unit: Unit, platform: Platform, workspace: str, at: datetime, *, separate: bool = False) -> int:
    """Remove the token, what was said in the workspace, and from use what was learnt from it without a form.

    What agents submitted in a form stays: it was given to the bot, not said in a channel. Where workspaces don't share
    what they know, it was the workspace's own, and goes from use as well, with its help pages. How many rows went.
    """
    for posted in unit.answers.in_workspace(platform, workspace):
        unlearn(unit, posted.answer, at)
    tenant = tenant_of(Place(platform, workspace, ""))
    if separate:
        _withdraw_all(unit, tenant, at)
    unit.installations.remove(platform, workspace)
    unit.audit.add(platform, "uninstalled", f"the bot in {workspace}", at)
    return unit.persons.purge_workspace(platform, workspace)


def _withdraw_all(unit: Unit, tenant: Tenant, at: datetime) -> None:
    """What was taught in the workspace, and loaded for it."""
    for lesson in unit.within(tenant).lessons.all():
        if lesson.tenant == tenant and (lesson.withdrawn_at is None or lesson.held is not None):
            unit.lessons.withdraw(lesson.id, at)
    for origin in unit.documents.origins():
        if origin.tenant == tenant:
            unit.documents.replace(origin.source, "", ())
