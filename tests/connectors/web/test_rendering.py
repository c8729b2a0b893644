"""What the page shows: nothing that anybody wrote can become markup."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers import Answer, AnswerKind, Candidate, Confirmation, Source, SourceKind
from bot.events import Place
from bot.feedback import Lesson, LessonSource
from bot.ids import AnswerId, EventId, FactId, LessonId, RunId
from bot.outgoing import AnswerPost, CorrectionOffer, Notice, Outgoing, ProgressPost
from bot.people import Platform
from bot.status import Status
from bot.texts import ENGLISH
from connectors.web.board import Entry, Remembered, Said
from connectors.web.pages import PAGES
from connectors.web.parsing import ROLES, person_as
from connectors.web.rendering import Rendering, lesson_rows, prose, safe_link
from connectors.web.visitor import Visitor

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PLACE = Place(Platform.WEB, "page", "c", is_direct=True)
AGENT = person_as("agent")
RENDERING = Rendering(ENGLISH, "Mentee")
OUR_TAGS = set("article a span p div ul li button svg use code blockquote".split())

written = st.text(st.sampled_from("<>/&\"'`= >\n") | st.characters(codec="utf-8"), max_size=40)
nasty = written | written.map(lambda text: f"{text}<script>alert(1)</script>") | written.map(lambda t: f'"><img {t}')


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def show(content: Said | Remembered | Outgoing) -> str:
    return RENDERING.entry(Entry("e1", AT, content), AGENT)


def known(text: str, **changes: object) -> Answer:
    values: dict[str, object] = {
        "kind": AnswerKind.KNOWN, "question": "How?", "text": text, "confidence": 1.0, "latency_ms": 1.0,
        "confirmation": Confirmation(LessonId("l1"), "Ana", AT),
        "sources": (Source(SourceKind.LESSON, "l1", "How?"),),
    }  # fmt: skip
    return Answer(**(values | changes))  # type: ignore[arg-type]


def everything(text: str) -> list[Said | Remembered | Outgoing]:
    answer = known(
        text, confirmation=Confirmation(LessonId("l1"), text, AT), candidates=(Candidate(FactId(text), text),),
        sources=(Source(SourceKind.SECTION, text, text, text), Source(SourceKind.SECTION, text, text, f"http:{text}")),
    )  # fmt: skip
    return [
        Said(text),
        Remembered(text),
        AnswerPost(place=PLACE, answer=answer),
        Notice(place=PLACE, text=text, in_reply_to=EventId(text)),
        CorrectionOffer(place=PLACE, answer=AnswerId(text), to=AGENT, text=text, button=text),
        ProgressPost(place=PLACE, run=RunId("r"), text=text),
    ]


@given(nasty)
def test_nothing_that_was_written_becomes_markup(text: str) -> None:
    for content in everything(text):
        page = Page(show(content))
        assert set(page.tags) <= OUR_TAGS
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
        links = [value or "" for name, value in page.attributes if name == "href"]
        assert all(link.startswith(("http:", "/static/icons.svg#")) for link in links)


@given(nasty)
def test_lessons_are_escaped_too(text: str) -> None:
    rows = lesson_rows([lesson("1", "a", AT, question=text, answer=text, author_name=text)])
    status = Status(
        paused=False, adapter=None, facts=1, phrasings=1, sections=0, lessons_since_adapter=1, answers={}, handoffs={},
        reminders=0, reasons={}, undelivered=0, held=0,
    )  # fmt: skip
    html = RENDERING.page(
        "lessons.html", rows=rows, path="/lessons", pages=PAGES, roles=ROLES, has_login=False, now=AT, status=status,
        may_load=False,
        you=Visitor(person_as("customer"), "customer", UUID(int=1), may_choose=True),
    )  # fmt: skip
    page = Page(html)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags[page.tags.index("table") :]
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]


@given(st.text(st.characters(exclude_characters="`>", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1))
def test_a_line_comes_back_as_it_was_written(line: str) -> None:
    assert "".join(Page(str(prose(line))).texts) == line


def test_lines_quotes_and_code_are_kept() -> None:
    assert prose("One\n\nTwo `a < b`\n> said") == (
        "<p>One</p><p></p><p>Two <code>a &lt; b</code></p><blockquote>said</blockquote>"
    )


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "file:///etc", "//x", "http://[", ""])
def test_only_web_pages_are_linked(link: str) -> None:
    assert safe_link(link) is None
    assert safe_link("https://help.example.com/a?b=c") == "https://help.example.com/a?b=c"


def test_a_known_answer_says_who_stands_behind_it() -> None:
    html = show(AnswerPost(place=PLACE, answer=known("Click **Reset**.")))
    assert "Confirmed by Ana on 01 Mar 2026" in html
    assert 'class="badge badge-known">Known<' in html


@pytest.mark.parametrize("kind", list(AnswerKind))
def test_every_answer_can_be_rated_and_corrected(kind: AnswerKind) -> None:
    page = Page(show(AnswerPost(place=PLACE, answer=known("Yes.", kind=kind, id=AnswerId("a1")))))
    assert [value for name, value in page.attributes if name == "data-emoji"] == ["✅", "❌"]
    assert ("data-correct", "a1") in page.attributes


def test_candidates_are_buttons_and_the_last_one_is_none_of_these() -> None:
    answer = known("Which?", kind=AnswerKind.CLARIFY, candidates=(Candidate(FactId("f1"), "A?"),), confirmation=None)
    page = Page(show(AnswerPost(place=PLACE, answer=answer)))
    assert [value for name, value in page.attributes if name == "data-fact"] == ["f1", ""]
    assert ENGLISH.none_of_these in "".join(page.texts)


def test_a_pressed_button_is_pressed_for_who_pressed_it() -> None:
    entry = Entry("e1", AT, AnswerPost(place=PLACE, answer=known("Yes.")), frozenset({(AGENT.key, "✅")}))
    assert RENDERING.entry(entry, AGENT).count('aria-pressed="true"') == 1
    assert RENDERING.entry(entry, person_as("customer")).count('aria-pressed="true"') == 0


def lesson(id: str, fact: str, at: datetime, **changes: object) -> Lesson:
    values: dict[str, object] = {
        "id": LessonId(id), "fact": FactId(fact), "question": "How?", "answer": "So.", "author": "web:page-agent",
        "author_name": "You", "source": LessonSource.CORRECTION, "taught_at": at,
    }  # fmt: skip
    return Lesson(**(values | changes))  # type: ignore[arg-type]


def test_lessons_tell_which_of_them_answer_now() -> None:
    rows = lesson_rows(
        [
            lesson("1", "a", AT),
            lesson("2", "a", AT + timedelta(hours=1), source=LessonSource.FAQ),
            lesson("3", "a", AT + timedelta(hours=2), withdrawn_at=AT + timedelta(hours=3)),
        ]
    )
    assert [(row.lesson.id, row.state, row.source) for row in rows] == [
        ("3", "withdrawn", "Correction"), ("2", "active", "FAQ"), ("1", "replaced", "Correction"),
    ]  # fmt: skip
