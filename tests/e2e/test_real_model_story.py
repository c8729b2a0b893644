"""The real models through the installed program: loaded, asked, taught, asked again, trained, promoted, rolled back.

What the real model learns is measured elsewhere; here it is shown that the whole way works with it.
"""

import csv
from pathlib import Path

import pytest

from bot.answers import AnswerKind
from deploy.parts import open_kept, open_models
from deploy.settings import Settings
from deploy.wiring import put_together
from tests.e2e.program import Installation
from tests.e2e.workshop import lessons
from tests.learning.model_cache import CACHE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEMO = Path(__file__).parents[2] / "deploy" / "demo"
ASKED, PARAPHRASED = "Do you ship parcels to Norway?", "Can you ship parcels to Norway?"
TAUGHT = "Yes, a parcel to Norway takes five working days."
UNKNOWN = "What is the capital of Mongolia?"
HELP = """# Kiosk

## Cleaning the tablet

Wipe the tablet of the kiosk with a dry cloth every evening, and lock it before you wipe it.
"""
READ = "How do I clean the tablet of the kiosk?"


async def test_what_is_taught_is_served_at_once(folder: Path) -> None:
    installation = Installation(folder)
    loaded = await installation.mentee("ingest", str(DEMO / "help"), str(DEMO / "faq.csv"))
    assert loaded["skipped"] == []
    assert loaded["facts"] == len(_faq())

    question, answer = _faq()[0]
    known = await installation.mentee("ask", question)
    assert (known["kind"], known["answer"]) == ("known", answer)

    assert (await installation.mentee("ask", UNKNOWN))["kind"] == "handoff"
    assert (await installation.mentee("ask", ASKED))["kind"] != "known"
    lesson = await installation.mentee("teach", ASKED, TAUGHT)
    again = await installation.mentee("ask", PARAPHRASED)
    assert (again["kind"], again["answer"]) == ("known", TAUGHT)
    assert again["confirmed_by"] == "the operator"
    assert again["sources"][0]["id"] == lesson["lesson"]

    refused = await installation.mentee("retrain")
    assert (refused["decision"], refused["adapter"], refused["evaluation"]) == ("refused", None, None)
    assert "There are 1 lessons, and 8 are needed" in refused["reasons"][0]


async def test_lessons_become_an_adapter_that_answers_until_it_is_rolled_back(folder: Path) -> None:
    """Its help page is answered from whatever the model writes, so that one sees which adapter wrote it."""
    installation = Installation(folder, {"MENTEE_TRAINING_EPOCHS": "1", "MENTEE_SUPPORTED_FROM": "0"})
    await _load_little(installation)
    await _teach(folder, 9)

    report = await installation.mentee("retrain")
    assert list(report)[:6] == ["decision", "reasons", "adapter", "lessons", "evaluation", "seconds"]
    assert report["decision"] in ("promoted", "rejected")
    assert report["reasons"]
    assert report["adapter"] == "v1"
    assert {measure["name"] for measure in report["evaluation"]["measures"]} >= {"answers", "general"}

    listed = await installation.mentee("adapters")
    assert [row["name"] for row in listed["adapters"]] == ["v0", "v1"]
    assert {row["base_model"] for row in listed["adapters"]} == {"bundled:smollm2-135m"}
    assert listed["live"] == ("v1" if report["decision"] == "promoted" else "v0")

    assert (await installation.mentee("promote", "v1"))["adapter"] == "v1"
    written = await installation.mentee("ask", READ)
    assert (written["kind"], written["adapter"]) == ("grounded", "v1")
    assert written["sources"][0]["title"] == "Kiosk › Cleaning the tablet"
    assert (await installation.mentee("rollback"))["adapter"] == "v0"
    written = await installation.mentee("ask", READ)
    assert (written["kind"], written["adapter"]) == ("grounded", "v0")
    assert (await installation.mentee("rollback"))["adapter"] == "base model"
    written = await installation.mentee("ask", READ)
    assert (written["kind"], written["adapter"]) == ("grounded", None)
    assert "cloth" in written["answer"]


def _faq() -> list[tuple[str, str]]:
    with (DEMO / "faq.csv").open(encoding="utf-8", newline="") as file:
        return [(row["question"], row["answer"]) for row in csv.DictReader(file)]


async def _load_little(installation: Installation) -> None:
    """Little to train on and little to judge, since two processor cores take their time."""
    faq = installation.folder / "faq.csv"
    with faq.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *_faq()[:12]])
    page = installation.folder / "kiosk.md"
    page.write_text(HELP, encoding="utf-8")
    assert (await installation.mentee("ingest", str(faq), str(page)))["facts"] == 12


async def _teach(folder: Path, count: int) -> None:
    """All lessons in one process, as a running bot takes them."""
    settings = Settings(data_dir=folder / "data", cache_dir=CACHE)
    with open_kept(settings) as kept, open_models(kept) as models:
        desk = put_together(models.parts).desk
        for question, answer in lessons(count):
            await desk.teach(question, answer)
        question, answer = lessons(count)[-1]
        found = await desk.ask(question)
    assert (found.kind, found.text) == (AnswerKind.KNOWN, answer)
