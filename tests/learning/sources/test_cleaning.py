"""What cleaning makes of texts, what it drops and why; that everything is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.capturing import MAX_ANSWER_CHARS
from bot.ids import SectionId
from bot.retrieval import Section
from learning.sources.cleaning import Cleaner, Cleaning, plain, repaired, to_the_point, unsigned
from learning.sources.items import FaqRow, Pair
from learning.sources.quality import grade, quality_of
from learning.sources.report import MAX_EXAMPLES, DataReport
from learning.sources.toxic import WORDS, is_toxic


def row(question: str = "How do I pause my plan?", answer: str = "Open Plans and choose Pause.") -> FaqRow:
    return FaqRow("key", question, answer)


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("Itâ€™s free", "It’s free"),
        ("“Quoted” text stays", "“Quoted” text stays"),
        ("GebÃ¼hr", "Gebühr"),
    ],
)
def test_encoding(given: str, cleaned: str) -> None:
    assert repaired(given) == cleaned


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("<p>Open <b>Plans</b>.</p><p>Pause &amp; save.</p>", "Open Plans.\nPause & save.\n"),
        ('See <a href="https://x.org/a">the page</a>', "See the page (https://x.org/a)"),
        (
            "See <https://x.org/a|the page> or <https://x.org>, <@U123>",
            "See the page (https://x.org/a) or https://x.org, ",
        ),
        ("Type `<b>&amp;</b>` and <i>go</i>", "Type `<b>&amp;</b>` and go"),
        ("If a < b and b > c, choose <Save>", "If a < b and b > c, choose <Save>"),
    ],
)
def test_markup(given: str, cleaned: str) -> None:
    assert plain(given) == cleaned


@pytest.mark.parametrize(
    "ending", ["\n\nBest regards,\nBo\nSupport team", "\n-- \nBo", "\nSent from my iPhone", "\n\nThanks,\nBo"]
)
def test_signatures(ending: str) -> None:
    assert unsigned("Open Plans." + ending) == "Open Plans."


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("Hi there, how do I pause?", "How do I pause?"),
        ("Hello Ann!\nThanks for reaching out. Open Plans. I hope this helps!", "Open Plans."),
        ("How do I pause? Thanks in advance!", "How do I pause?"),
        ("Hi!", "Hi!"),
        ("Hidden fields are shown in Settings.", "Hidden fields are shown in Settings."),
        ("How do I say hello, and thanks?", "How do I say hello, and thanks?"),
    ],
)
def test_greetings(given: str, cleaned: str) -> None:
    assert to_the_point(given) == cleaned


@given(st.text(max_size=300))
def test_no_step_empties_a_text_or_changes_what_is_clean(text: str) -> None:
    for step in (unsigned, to_the_point):
        once = step(text)
        assert bool(once.strip()) == bool(text.strip())
        assert len(once) <= len(text) + 1  # a letter may have two as a capital


@pytest.mark.parametrize(
    ("entry", "step"),
    [
        (row("?!"), "length"),
        (row(answer="…"), "length"),
        (row(answer="x" * (MAX_ANSWER_CHARS + 1)), "length"),
        (row("How? " * 500), "length"),
        (Pair("How do I pause?", "yes", "", "Bo", ""), "length"),
        (row(answer="Your ticket has been received."), "bot chatter"),
        (row("Bo has joined the channel"), "bot chatter"),
        (row(answer="Dear {{customer.name}}, open Plans."), "templates"),
        (row(answer="TBD"), "templates"),
        (row(answer="Read the fucking manual."), "toxic"),
        (row("Why can't I export, you idiots?"), "toxic"),
        (row(answer="Sh1t happens, reload the page."), "toxic"),
        (row(answer="Das ist Scheiße, lade die Seite neu."), "toxic"),
        (row("Wie kann ich meinen Tarif pausieren?", "Öffnen Sie die Einstellungen und wählen Sie Pause."), "language"),
    ],
)
def test_what_is_of_no_use_is_dropped_by(entry: FaqRow | Pair, step: str) -> None:
    objection = Cleaner(Cleaning(languages=frozenset({"en"})), DataReport()).objection(entry)
    assert objection is not None
    assert objection[0] == step


@pytest.mark.parametrize("answer", ["No.", "21 days", "To do this, open Plans.", "None of them: all plans have it."])
def test_a_short_answer_of_an_faq_is_of_use(answer: str) -> None:
    assert Cleaner(Cleaning(), DataReport()).objection(row(answer=answer)) is None


@pytest.mark.parametrize(
    "text",
    [
        "How do I kill a process that hangs?", "Comment éviter un retard de livraison ?", "Press Shift and hit Enter.",
        "The Scunthorpe office assesses it.", "Is the screw included?", "Stop the stupid popups, please.",
        "Where is the cocktail of the month?", "My son’s class is at Dick Street.", "Slutdatum står i fakturan.",
    ],
)  # fmt: skip
def test_what_only_looks_coarse_is_kept(text: str) -> None:
    assert Cleaner(Cleaning(), DataReport()).objection(row(text, text)) is None


@given(st.sampled_from(WORDS), st.sampled_from(["{}", "so {}!", "«{}»", "{}, he said"]))
def test_every_listed_word_is_found_within_a_sentence(word: str, sentence: str) -> None:
    assert is_toxic(sentence.format(word.removesuffix("*")))


def test_the_better_of_two_scores_higher() -> None:
    good = quality_of(row("How do I pause my plan?", "Open Plans, choose Pause, then confirm it."))
    poor = quality_of(row("PAUSE", "ASK SOMEBODY"))
    confirmed = quality_of(Pair("How do I pause?", "Open Plans, then press Pause.", "", "Bo", "marked as the answer"))
    unsure = quality_of(Pair("How do I pause?", "Open Plans, then press Pause.", "", "Bo", "only the last reply"))
    assert 0 <= poor < good <= 1
    assert unsure < confirmed == 1
    assert (grade(poor), grade(good)) == ("poor", "good")


def test_as_it_is_only_what_cant_be_kept_is_dropped() -> None:
    cleaner = Cleaner(Cleaning(as_is=True), DataReport())
    entry = row("Hi, <b>TBD</b>", "Your ticket has been received. {{x}}")
    assert cleaner.entry(entry) == entry
    assert cleaner.objection(entry) is None
    assert cleaner.objection(row(answer="x" * (MAX_ANSWER_CHARS + 1))) is not None


def test_everything_is_redacted_entries_phrasings_and_sections() -> None:
    report = DataReport()
    cleaner = Cleaner(Cleaning(redact=lambda text: text.replace("Ann", "[name]")), report)
    entry = cleaner.entry(FaqRow("k", "Where is Ann?", "Ann is here.", phrasings=("Ann?",)))
    assert entry == FaqRow("k", "Where is [name]?", "[name] is here.", phrasings=("[name]?",))
    section = cleaner.section(Section(SectionId("1"), "a.md", "Ann", "By Ann", "Ann wrote it."))
    assert (section.title, section.heading, section.text) == ("[name]", "By [name]", "[name] wrote it.")
    assert report.steps["redaction"].changed == 6


def test_every_effect_is_counted_with_some_examples() -> None:
    report = DataReport()
    cleaner = Cleaner(Cleaning(), report)
    for _ in range(5):
        cleaner.entry(row("Hi, how do I pause?"))
    assert report.steps["greetings"].changed == 5
    assert report.steps["greetings"].examples == ["'Hi, how do I pause?' → 'How do I pause?'"] * MAX_EXAMPLES
    assert report.steps.keys() == {"greetings"}


def test_another_way_of_cleaning_has_another_name() -> None:
    ways = [Cleaning(), Cleaning(as_is=True), Cleaning(languages=frozenset({"en"})), Cleaning(most_per_topic=3)]
    ways.append(Cleaning(most_per_person=3))
    ways.append(Cleaning(redact=str.strip))
    assert len({str(way) for way in ways}) == len(ways)
