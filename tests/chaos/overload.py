"""More questions at once than can be answered, on the installed program with a real engine."""

import asyncio
from collections import Counter
from pathlib import Path

from bot.texts import ENGLISH
from tests.chaos.page import ask, given, installation, lacks_encoder
from tests.chaos.tally import Tally
from tests.tiny_model import make_tiny_model

A_MINUTE = 60
LAYERS = 30
"""So that an answer takes a while."""


async def overload(folder: Path, count: int, mutant: str = "") -> Tally:
    tally = Tally(
        "more questions than can be answered: each is answered or handed off in plain words; then all is normal"
    )
    if reason := lacks_encoder():
        tally.skipped = reason
        return tally
    here = installation(folder, make_tiny_model(folder / "tiny", layers=LAYERS), mutant)
    await here.mentee("ingest", "plans.md")
    async with here.running() as bot:
        statuses = Counter(await asyncio.gather(*(ask(bot.browser) for _ in range(count))))
        refused, taken = statuses[429], statuses[202]
        answers = await given(here, taken)
        tally.check(refused + taken == count, f"answers of the page: {statuses}")
        tally.check(len(answers) == taken, f"{len(answers)} answers to {taken} questions")
        for each in answers:
            tally.check(bool(each.answer.text.strip()), "an empty answer")
        for _ in range(A_MINUTE):  # the page's limit may still hold
            if await ask(bot.browser) == 202:
                break
            await asyncio.sleep(1.0)
        after = await given(here, taken + 1)
        tally.check(len(after) == taken + 1 and after[-1].answer.kind == "grounded", "not normal afterwards")
    shed = [each for each in answers if each.answer.text == ENGLISH.busy]
    handed = [each for each in answers if each.answer.kind == "handoff"]
    tally.notes.append(
        f"{count} at once: {taken - len(handed)} written, {len(shed)} told that too many ask, "
        f"{len(handed) - len(shed)} other hand-offs, {refused} refused by the page's limit and told so"
    )
    told, last = (max((each.wait_s for each in some), default=0.0) for some in (shed, answers))
    tally.notes.append(f"told after {told:.1f} s at most; the last answer after {last:.0f} s")
    return tally
