"""Which settings keep workspaces apart, what that means for files, and for who is forgotten."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.feedback import Phrasing
from bot.ids import SHARED, FactId, Tenant
from deploy.parts import Kept, open_kept
from deploy.settings import Settings
from deploy.uploads import Uploads
from tests.storage.samples import PERSON, PLACE, answer, lesson

ONE, TWO = Tenant("slack:T1"), Tenant("slack:T2")
FAQ = "question,answer\nHow do I pause?,{}\n"


@pytest.mark.parametrize(
    ("given", "separate"),
    [
        ({}, False),
        ({"slack_workspaces": "T1"}, False),
        ({"slack_workspaces": "T1,T2"}, True),
        ({"slack_workspaces": "T1,T2", "workspaces_share": True}, False),
        ({"discord_servers": "1"}, False),
        ({"discord_servers": "1,2"}, True),
        ({"slack_workspaces": "T1", "discord_servers": "1"}, False),
        ({"workspaces_share": False}, True),
    ],
)
def test_several_workspaces_do_not_share_unless_the_operator_says_so(given: dict[str, Any], separate: bool) -> None:
    policy = Settings(**given).policy()
    assert (policy.separate, policy.staff.separate) == (separate, separate)
    assert policy.common == (SHARED if separate else None)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    settings = Settings(data_dir=tmp_path, cache_dir=tmp_path / "cache", workspaces_share=False)
    with open_kept(settings) as opened:
        yield opened


async def test_a_file_takes_the_place_of_nobody_elses(kept: Kept) -> None:
    uploads = Uploads(kept)
    for question, tenant in (("pause", ONE), ("cancel", SHARED), ("renew", TWO), ("pause", ONE)):
        content = FAQ.format(f"As {tenant or 'everybody'} does.").replace("pause", question)
        await uploads.load("faq.csv", _content(content), tenant)
    await uploads.load("faq.csv", _content(FAQ.format("As we do now.")), ONE)
    lessons = kept.store.run_sync(lambda unit: unit.lessons.all())
    stands = {each.tenant: each.answer for each in lessons if each.withdrawn_at is None}
    assert stands == {ONE: "As we do now.", SHARED: "As everybody does.", TWO: "As slack:T2 does."}


async def test_where_workspaces_share_a_file_of_the_same_name_is_its_new_version(kept: Kept) -> None:
    settings = kept.settings.model_copy(update={"workspaces_share": True})
    uploads = Uploads(replace(kept, settings=settings))
    for tenant in (ONE, SHARED):
        await uploads.load("faq.csv", _content(FAQ.format(f"As {tenant or 'everybody'} does.")), tenant)
    lessons = kept.store.run_sync(lambda unit: unit.lessons.all())
    assert [each.answer for each in lessons if each.withdrawn_at is None] == ["As everybody does."]


def test_a_lesson_that_loses_its_question_gets_no_other_workspaces(kept: Kept) -> None:
    """Who is forgotten takes the question along, and the lesson keeps another phrasing: of its own."""
    asked = answer()
    taught = replace(lesson("l1"), question=asked.question, about=asked.id, tenant=ONE)

    def keep(unit: Any) -> None:
        unit.answers.add(asked, PLACE, PERSON)
        unit.lessons.add(taught)
        for text, tenant in (("What does Acme do then?", TWO), ("What then?", ONE)):
            unit.lessons.add_phrasing(Phrasing(fact=FactId("f1"), text=text, origin="x", tenant=tenant))

    kept.store.run_sync(keep)
    kept.store.run_sync(lambda unit: kept.commands.forgetting.forget(unit, PERSON.key, "cli:x", with_lessons=False))
    (left,) = kept.store.run_sync(lambda unit: unit.lessons.all())
    assert left.question == "What then?"


async def _content(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
