"""The app is removed from a workspace: what was said there goes, and what was learnt from it without a form."""

from pathlib import Path

import pytest

from bot.feedback import LessonSource
from bot.people import Platform
from bot.texts import ENGLISH
from tests.bot.events import THREAD, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house

HELP, QUESTION = "Payouts arrive on Tuesdays. In Norway on Fridays.", "When do payouts arrive?"


@pytest.mark.parametrize(("with_form", "stays"), [(True, True), (False, False)])
async def test_what_was_learnt_without_a_form_is_used_no_more(tmp_path: Path, with_form: bool, stays: bool) -> None:
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat]) as house:
        await house.add_section("Payouts", "Payout days", HELP)
        await house.desk.receive(message(QUESTION))
        await house.settle()
        answered = chat.answers[-1].answer
        lesson = correction(answered.id, QUESTION, "On Mondays.") if with_form else reaction("✅", chat.last_message())
        await house.desk.receive(lesson)
        await house.settle()
        (taught,) = await house.desk.lessons()
        assert taught.source is (LessonSource.CORRECTION if with_form else LessonSource.APPROVAL)

        assert await house.desk.uninstall(Platform.SLACK, "T0OTHER") == 0
        assert await house.desk.uninstall(Platform.SLACK, THREAD.workspace) > 0

        assert await _kept(house) == ([], [])
        (taught,) = await house.desk.lessons()
        assert (taught.withdrawn_at is None) is stays
        acts = await house.store.run(lambda unit: [entry.act for entry in unit.audit.entries()])
        assert acts[-1] == "uninstalled"


async def _kept(house: House) -> tuple[list[str], list[str]]:
    turns = await house.desk.turns(THREAD)
    answers = await house.store.run(lambda unit: unit.answers.in_workspace(Platform.SLACK, THREAD.workspace))
    return [turn.text for turn in turns], [posted.answer.id for posted in answers]


def test_the_words_for_who_waits_are_short() -> None:
    """Slack takes ten of them, of 50 characters each."""
    assert len(ENGLISH.loading) <= 10
    assert all(len(each) <= 50 for each in ENGLISH.loading)
