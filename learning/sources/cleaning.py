"""Cleans one entry after the other, and counts what each step did. Knows nothing of files and storage.

Text steps repair what is there; checks say why an entry is of no use. What is dropped can be restored: it is kept with
the reason, and `as_is` lets everything through untouched.
"""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import ftfy

from bot.capturing import MAX_ANSWER_CHARS
from bot.retrieval import Section
from learning.sources.items import FaqRow, Pair
from learning.sources.report import DataReport
from learning.sources.toxic import is_toxic

Entry = FaqRow | Pair
Redact = Callable[[str], str]
"""Takes out of a help text or an answer what is nobody's to publish."""
RedactPair = Callable[[str, str, Sequence[str]], tuple[str, str]]
"""Takes out of a conversation's question what is personal, and out of its answer what is the asker's as well. Gets the
names of those who spoke, the asker's first."""

TAG = re.compile(
    r"</?(?:p|div|span|br|b|i|u|em|strong|a|ul|ol|li|h[1-6]|font|img|table|tr|td|th|tbody|blockquote)\b[^<>]*/?>", re.I
)
BREAK = re.compile(r"(?<!\s)\s*+<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote)\b[^<>]*>\s*", re.IGNORECASE)
ANCHOR = re.compile(r"<a\b([^<>]*)>((?>(?:[^<]|<(?!/?a\b))*))</a>", re.IGNORECASE)
"""Atomic, so that it takes linear time; a possessive group finds nothing in Python before 3.11.5."""
HREF = re.compile(r"href=[\"'](https?://[^\"']+)[\"']", re.IGNORECASE)
CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
SLACK_LINK = re.compile(r"<(https?://[^|<>\s]+)(?:\|([^<>]*))?>")
MENTION = re.compile(r"<[@#!][^<>\s|]*(?:\|[^<>]*)?>|<a?:\w+:\d+>")
SIGNATURE = re.compile(
    r"(?<!\n)\n++(?:-- ?\n|_{5,}\n|(?:best|kind|warm)(?: regards| wishes)?,? *\n|(?:regards|cheers|sincerely|"
    r"many thanks|thanks(?: again)?|thank you),? *\n(?=[^\n]{0,60}(?:\n|\Z))|sent from my |get outlook for ).*\Z",
    re.IGNORECASE | re.DOTALL,
)
GREETING = re.compile(
    r"\A\s*(?:(?:hi|hello|hey|hiya|dear|good (?:morning|afternoon|evening|day))\b(?: (?:there|all|everyone|team|folks|"
    r"support|[A-Z][\w'’-]+|@[\w.]+)){0,3}\s*[,.!:\n–-]+\s*|(?:thanks|thank you)(?: so much| very much)? for "
    r"(?:reaching out|contacting|your (?:message|question|email|e-mail|interest|patience))[^.!\n]{0,60}[.!\n]+\s*)+",
    re.IGNORECASE,
)
CLOSING = re.compile(
    r"(?:(?:i )?hope (?:this|that) helps?|(?:please )?(?:let (?:me|us) know|feel free|do not hesitate|don't "
    r"hesitate)[^.!?\n]{0,100}|have a (?:nice|great|good|lovely|wonderful) [^.!?\n]{0,30}|"
    r"(?:thanks|many thanks|thank you|thx)(?: in advance| so much| a lot)?)\Z",
    re.IGNORECASE,
)
CLOSING_CHARS = 160
"""More than any one of these phrases has."""
CHATTER = re.compile(
    r"\bthis is an automat(?:ed|ic)\b|\b(?:has )?(?:joined|left) the (?:channel|server|conversation)\b|"
    r"\byour (?:ticket|request|message) (?:has been|was) (?:received|created|closed|logged)\b|"
    r"\bset the channel (?:topic|purpose)\b|\bpinned a message\b|\bout of (?:the )?office\b|"
    r"\bdo not reply to this\b|\bthis (?:ticket|conversation) (?:has been|was) (?:closed|merged|assigned)\b",
    re.IGNORECASE,
)
TEMPLATE = re.compile(
    r"\{\{.{0,200}?\}\}|\{%.{0,200}?%\}|\[(?:insert|your|customer|agent|company)[ _][^\]]{1,40}\]|"
    r"<(?:insert|your)[ _][^>]{1,40}>|"
    r"\blorem ipsum\b|\A\W*(?:tbd|tba|to ?do|n/?a|xxx+|none|null|test(?:ing)?|asdf\w*)\W*\Z",
    re.IGNORECASE,
)
MAX_QUESTION_CHARS = 2_000
MAX_RAW_CHARS = 10 * MAX_ANSWER_CHARS
"""Of a text as it comes, most of which may be markup. What is longer isn't cleaned at all."""
TELLING_CHARS = 500
"""Tell the language as well as thousands."""
MIN_PAIR_ANSWER_WORDS = 4
"""Of what was said in a conversation. An FAQ's answer may be one word."""


@dataclass(frozen=True)
class Cleaning:
    """What is to be done."""

    as_is: bool = False
    languages: frozenset[str] = frozenset()
    """ISO 639-1 codes of what is kept; empty: whatever it is."""
    most_per_topic: int = 0
    """0: no limit."""
    most_per_person: int = 0
    """Pairs of conversations that one person resolved."""
    redact: Redact | None = None
    redact_pair: RedactPair | None = None

    def __str__(self) -> str:
        """Another way of cleaning reads a file differently, so it is read again."""
        given = [*sorted(self.languages), str(self.most_per_topic)] + ["as is"] * self.as_is
        given += [f"{self.most_per_person} of each"] * (self.most_per_person > 0)
        return " ".join(given) + (" redacted" if self.redact is not None else "")


class Cleaner:
    def __init__(self, cleaning: Cleaning, report: DataReport) -> None:
        self._cleaning = cleaning
        self._report = report
        self._redacted_topic = lru_cache(1_000)(self.redacted)  # many entries have the same
        self._steps: list[tuple[str, Callable[[str], str]]] = [] if cleaning.as_is else list(TEXT_STEPS)

    def section(self, section: Section) -> Section:
        """A section repaired and redacted; its markup has been read already."""
        texts = [section.title, section.heading, section.text]
        for name, step in self._steps:
            if name == "encoding":
                texts = [self._apply(name, step, text, self._cleaning.redact or str) for text in texts]
        title, heading, text = map(self.redacted, texts)
        return replace(section, title=title, heading=heading, text=text)

    def entry(self, entry: Entry) -> Entry:
        """All of its texts through all steps."""
        phrasings = getattr(entry, "phrasings", ())
        question, answer, *others = self._texts([entry.question, entry.answer, *phrasings], self._shown(entry))
        if isinstance(entry, Pair):
            return self.without_personal(replace(entry, question=question, answer=answer))
        clean = replace(entry, question=question, answer=answer, phrasings=tuple(filter(None, others)))
        return self.without_personal(clean)

    def without_personal(self, entry: Entry) -> Entry:
        """Only redacted: what is dropped is kept as it came, but for what may not be kept anywhere."""
        redact_pair = self._cleaning.redact_pair
        if isinstance(entry, Pair):
            if redact_pair is None:
                return entry
            question, answer = redact_pair(entry.question, entry.answer, entry.people)
            for before, after in ((entry.question, question), (entry.answer, answer)):
                if after != before:
                    self._report.changed("redaction", after, after, str)
            return replace(entry, question=question, answer=answer)
        question, answer, *others = map(self.redacted, (entry.question, entry.answer, *entry.phrasings))
        topic = self._redacted_topic(entry.topic)
        return replace(entry, question=question, answer=answer, topic=topic, phrasings=tuple(others))

    def redacted(self, text: str) -> str:
        redact = self._cleaning.redact
        return self._apply("redaction", redact, text, redact) if redact is not None else text

    def bounded(self, entry: Entry) -> tuple[Entry, str]:
        """The entry with as much of its texts as is worth reading, and why it is too long, if it is."""
        texts = (entry.question, entry.answer, *getattr(entry, "phrasings", ()))
        if max(map(len, texts)) <= MAX_RAW_CHARS:
            return entry, ""
        question, answer, *phrasings = (text[:MAX_RAW_CHARS] for text in texts)
        cut = replace(entry, question=question, answer=answer)
        if isinstance(cut, FaqRow):
            cut = replace(cut, phrasings=tuple(phrasings))
        return cut, f"a text of it is longer than {MAX_RAW_CHARS} characters; the rest of it isn't kept"

    def objection(self, entry: Entry) -> tuple[str, str] | None:
        """The step that drops it, and why; None for one that is of use."""
        if too := _length(entry, as_is=self._cleaning.as_is):
            return "length", too
        if self._cleaning.as_is:
            return None
        if CHATTER.search(entry.question) or CHATTER.search(entry.answer):
            return "bot chatter", "written by a machine, not about a question"
        if found := TEMPLATE.search(entry.answer) or TEMPLATE.search(entry.question):
            return "templates", f"{found[0][:40]!r} was never filled in"
        if is_toxic(entry.question) or is_toxic(entry.answer):
            return "toxic", "insults somebody, or swears"
        return self._language(entry)

    def _language(self, entry: Entry) -> tuple[str, str] | None:
        language = language_of(f"{entry.question} {entry.answer}")
        if language is None:
            return None
        self._report.languages[language] = self._report.languages.get(language, 0) + 1
        wanted = self._cleaning.languages
        return ("language", f"written in {language!r}") if wanted and language not in wanted else None

    def _texts(self, texts: Sequence[str], shown: Redact) -> list[str]:
        for name, step in self._steps:
            texts = [self._apply(name, step, text, shown) for text in texts]
        return [text.strip() for text in texts]

    def _apply(self, name: str, step: Callable[[str], str], text: str, shown: Redact) -> str:
        after = step(text)
        self._noted(name, text, after, shown)
        return after

    def _noted(self, name: str, before: str, after: str, shown: Redact) -> None:
        if after != before:
            self._report.changed(name, before, after, shown)

    def _shown(self, entry: Entry) -> Redact:
        """What makes a text fit to be an example in the report, which is kept."""
        redact_pair = self._cleaning.redact_pair
        if not isinstance(entry, Pair) or redact_pair is None:
            return self._cleaning.redact or str
        people = entry.people
        return lambda text: redact_pair(text, "", people)[0]


def repaired(text: str) -> str:
    """With what was decoded wrongly put right (â€™ → ’); typographic quotes are meant."""
    return ftfy.fix_text(text, uncurl_quotes=False)


def plain(text: str) -> str:
    """Without HTML and chat markup; what stands in backticks is left as it is."""
    if "<" not in text and "&" not in text:
        return text
    return "".join(part if part.startswith("`") else _plain(part) for part in CODE.split(text))


def _plain(text: str) -> str:
    text = SLACK_LINK.sub(lambda found: _named(found[2], found[1]), MENTION.sub("", text))
    text = ANCHOR.sub(_link, text)
    return html.unescape(TAG.sub("", BREAK.sub("\n", text)))


def _link(found: re.Match[str]) -> str:
    href = HREF.search(found[1])
    return _named(TAG.sub("", found[2]), href[1]) if href is not None else found[0]


def _named(name: str | None, link: str) -> str:
    name = (name or "").strip()
    return f"{name} ({link})" if name and name != link else link


def unsigned(text: str) -> str:
    return _unless_empty(SIGNATURE.sub("", text), text)


def to_the_point(text: str) -> str:
    """Without greeting and closing words."""
    shorter = _without_closing(GREETING.sub("", text)).strip()
    if shorter == text.strip():
        return text
    return _unless_empty(shorter[:1].upper() + shorter[1:], text)


def _without_closing(text: str) -> str:
    """One phrase after the other is taken off the end: a pattern for all of them would try every way to part them."""
    end = len(text)
    while True:
        said = end
        while said > 0 and (text[said - 1].isspace() or text[said - 1] in ".!🙂😊"):
            said -= 1
        found = CLOSING.search(text, max(0, said - CLOSING_CHARS), said)
        if found is None:
            return text[:end]
        end = found.start()


TEXT_STEPS = (("encoding", repaired), ("markup", plain), ("signatures", unsigned), ("greetings", to_the_point))


def _unless_empty(shorter: str, text: str) -> str:
    return shorter if shorter.strip() else text


def _length(entry: Entry, *, as_is: bool) -> str | None:
    if not any(character.isalpha() for character in entry.question):
        return "the question has no word"
    if not any(character.isalnum() for character in entry.answer):
        return "the answer has no word"
    if len(entry.answer) > MAX_ANSWER_CHARS:
        return f"the answer is longer than {MAX_ANSWER_CHARS} characters"
    if len(entry.question) > MAX_QUESTION_CHARS:
        return f"the question is longer than {MAX_QUESTION_CHARS} characters"
    if isinstance(entry, Pair) and len(entry.answer.split()) < MIN_PAIR_ANSWER_WORDS and not as_is:
        return f"the reply has fewer than {MIN_PAIR_ANSWER_WORDS} words"
    return None


def language_of(text: str) -> str | None:
    """ISO 639-1 code of the likeliest language (py3langid, of the extra `ingest`); None when it isn't installed."""
    try:
        import py3langid
    except ModuleNotFoundError:
        return None
    code: str = py3langid.classify(text[:TELLING_CHARS])[0]
    return code
