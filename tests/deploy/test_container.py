"""The container files against the project: what they copy exists, and what they set are settings."""

import re
from pathlib import Path

import yaml

from deploy.settings import Settings, variable

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "deploy/docker/compose.yaml").read_text(encoding="utf-8"))
KNOWN = {variable(field) for field in Settings.model_fields}


def test_everything_that_is_copied_exists() -> None:
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()]
    assert {"bot", "learning", "connectors", "storage", "deploy", "pyproject.toml"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_every_variable_is_a_setting() -> None:
    named = set(re.findall(r"\b((?:MENTEE|SLACK|DISCORD)_[A-Z_]+)\b", DOCKERFILE + str(COMPOSE)))
    assert "MENTEE_WEB_PASSWORD" in named
    assert named <= KNOWN


def test_the_page_is_published_on_loopback_and_wants_a_password() -> None:
    service = COMPOSE["services"]["mentee"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert ":?" in service["environment"]["MENTEE_WEB_PASSWORD"]


def test_it_does_not_run_as_root_and_keeps_its_data_in_volumes() -> None:
    assert re.search(r"^USER mentee$", DOCKERFILE, re.MULTILINE)
    volumes = {volume.split(":")[1] for volume in COMPOSE["services"]["mentee"]["volumes"]}
    assert volumes == {"/data", "/cache"}
