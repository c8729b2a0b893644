"""The operator's own words and style, from files whose mistakes are told at the start."""

from pathlib import Path

import pytest

from bot.errors import SettingError
from bot.style import Style
from bot.texts import ENGLISH
from deploy.own_texts import LIMITS, read_style, read_texts


def written(folder: Path, text: str) -> Path:
    file = folder / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_texts_are_replaced_and_translated(tmp_path: Path) -> None:
    file = written(tmp_path, 'handoff = "Ask Ana."\n[de]\nhandoff = "Frag Ana."\nconfirmed = "Bestätigt von {by}"\n')
    texts = read_texts(file)
    assert (texts.handoff, texts.clarify) == ("Ask Ana.", ENGLISH.clarify)
    german = texts.in_language("de-AT")
    assert (german.handoff, german.confirmed, german.clarify) == ("Frag Ana.", "Bestätigt von {by}", ENGLISH.clarify)
    assert texts.in_language("fr") == texts
    assert read_texts(None) is ENGLISH


def test_a_list_is_replaced_by_a_list(tmp_path: Path) -> None:
    assert read_texts(written(tmp_path, 'loading = ["One moment…"]')).loading == ("One moment…",)


def test_our_own_texts_keep_to_the_limits() -> None:
    assert all(len(getattr(ENGLISH, name)) <= limit for name, limit in LIMITS.items())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('handof = "x"', "there is no text 'handof'. Did you mean handoff?"),
        ('[de]\nclarfy = "x"', "Did you mean clarify?"),
        ('confirmed = "{by} {mail}"', r"placeholders are: {by}, {date}"),
        ('handoff = "{"', "placeholders are: none"),
        ("handoff = 5", "must be a text"),
        ("[de.at]\nhandoff = 'x'", "there is no text 'at'"),
        ('translations = "x"', "there is no text 'translations'"),
        ("handoff", "which is no TOML"),
        (f"offer_button = '{'x' * 33}'", "offer_button is 'xxxx"),
        (f"offer_button = '{'x' * 33}'", "1 to 32 characters, it has 33"),
        (f"[de]\nform_title = '{'x' * 25}'", "1 to 24 characters"),
        ("claim_button = ' '", "1 to 75 characters"),
        ("why_menu = 'This is the right answer'", "words of its own"),
        ("loading = 'Wait'", "loading is 'Wait'. It must be a list of 1 to 10 texts"),
        ("loading = ['Wait', 5]", "a list of 1 to 10 texts"),
        ("loading = []", "a list of 1 to 10 texts"),
    ],
)
def test_a_mistake_in_the_texts_is_named(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(SettingError) as problem:
        read_texts(written(tmp_path, content))
    assert "MENTEE_TEXTS_FILE" in str(problem.value)
    assert told in str(problem.value)


def test_the_style_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, 'tone = "Be brief."\nbanned = ["ASAP"]\n[preferred]\n"sign in" = ["log in"]\n')
    assert read_style(file) == Style("Be brief.", ("ASAP",), {"sign in": ("log in",)})
    assert read_style(None) == Style()


@pytest.mark.parametrize("content", ["ton = 'x'", "banned = 'x'", "banned = ['']", "[preferred]\nx = 'y'", "tone = 1"])
def test_a_mistake_in_the_style_is_named(tmp_path: Path, content: str) -> None:
    with pytest.raises(SettingError, match="MENTEE_STYLE_FILE"):
        read_style(written(tmp_path, content))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"MENTEE_TEXTS_FILE.*missing\.toml"):
        read_texts(tmp_path / "missing.toml")
