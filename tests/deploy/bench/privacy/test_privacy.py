"""Redaction holds what it promises, on sentences that no rule was tuned on."""

import json

import pytest
from typer.testing import CliRunner

from deploy.bench.privacy import run, templates_dev, templates_test
from deploy.bench.privacy.measures import Share, measure
from deploy.bench.privacy.samples import STRUCTURED, clean, personal
from deploy.cli import app


def test_no_sentence_is_in_both_halves() -> None:
    for dev, test in (
        (templates_dev.EVERYWHERE, templates_test.EVERYWHERE),
        (templates_dev.CLEAN, templates_test.CLEAN),
        (sum(templates_dev.NATIVE.values(), ()), sum(templates_test.NATIVE.values(), ())),
    ):
        assert not {text.lower() for text in dev} & {text.lower() for text in test}


def test_what_is_personal_in_a_sample_is_where_it_says() -> None:
    samples, roster = personal("dev", 1)
    assert samples == personal("dev", 1)[0]
    emails = [s.text[p.start : p.end] for s in samples for p in s.pieces if p.slot == "email"]
    assert all("@" in email for email in emails)
    assert len(roster) == 480


def test_without_a_roster_no_name_is_found_and_the_measure_says_so() -> None:
    samples, _ = personal("dev", 1)
    named = [sample for sample in samples if sample.text.startswith(("Please invite", "please invite"))]
    assert named
    assert measure(named, [], []).share(("name",), ("plain", "lower", "slack", "discord")).hits == 0


def test_the_interval_is_wilsons() -> None:
    low, high = Share(98, 100).bounds
    assert (round(low, 4), round(high, 4)) == (0.9300, 0.9945)  # Newcombe 1998, method 3


@pytest.mark.slow
def test_the_targets_are_met_on_sentences_that_no_rule_was_tuned_on() -> None:
    samples, roster = personal("test", 2)
    measured = measure(samples, roster, clean("test", 2))
    assert measured.share(STRUCTURED, ("plain", "lower", "slack", "discord")).value >= 0.99
    assert measured.share(("name", "first", "last"), ("plain", "slack", "discord")).value >= 0.97
    assert measured.share(("name", "first", "last"), ("lower",)).value >= 0.95
    assert measured.touched.value <= 0.02


@pytest.mark.slow
def test_the_command_prints_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ROUNDS", 1)
    told = CliRunner().invoke(app, ["bench", "privacy", "--split", "dev", "--json"])
    assert told.exit_code == 0, told.output
    assert {"structured", "p99_ms", "clean sentences touched"} <= json.loads(told.stdout).keys()
