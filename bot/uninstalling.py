"""What becomes of a workspace that the app was removed from. Runs inside one transaction."""

from datetime import datetime

from bot.feedback import OVERHEARD
from bot.people import Platform
from bot.ports import Unit


def uninstall(unit: Unit, platform: Platform, workspace: str, at: datetime) -> int:
    """Remove the token, what was said in the workspace, and from use what was learnt from it without a form.

    What agents submitted in a form stays: it was given to the bot, not said in a channel. How many rows went.
    """
    for answer in unit.answers.in_workspace(platform, workspace):
        for lesson in unit.lessons.about(answer):
            if lesson.source in OVERHEARD and lesson.withdrawn_at is None:
                unit.lessons.withdraw(lesson.id, at)
    unit.installations.remove(platform, workspace)
    unit.audit.add(platform, "uninstalled", f"the bot in {workspace}", at)
    return unit.persons.purge_workspace(platform, workspace)
