"""What a conversation shows, and who is told of it."""

from datetime import UTC, datetime, timedelta

from bot.answers import Answer, AnswerKind
from bot.conversation import Speaker, Turn
from bot.events import Place
from bot.ids import RunId
from bot.outgoing import AnswerPost, Notice, ProgressPost
from bot.people import Platform
from connectors.web.board import MAX_CONVERSATIONS, MAX_ENTRIES, MAX_WAITING, Board, Draft, Entry, Remembered, Said

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PLACE = Place(Platform.WEB, "page", "c", is_direct=True)


def said(id: str, minute: int = 0) -> Entry:
    return Entry(id, AT + timedelta(minutes=minute), Said(f"said {id}"))


def answered(id: str, text: str, minute: int) -> Entry:
    answer = Answer(kind=AnswerKind.HANDOFF, question="?", text=text, confidence=0.0, latency_ms=1.0)
    return Entry(id, AT + timedelta(minutes=minute), AnswerPost(place=PLACE, answer=answer))


def turn(speaker: Speaker, text: str, minute: int) -> Turn:
    return Turn(PLACE, speaker, "web:page-customer", text, AT + timedelta(minutes=minute))


def ids(board: Board) -> list[str]:
    return [entry.id for entry in board.entries("c")]


def test_entries_stand_in_the_order_in_which_they_happened() -> None:
    board = Board()
    board.put("c", answered("a", "Yes.", 1))
    board.put("c", said("q", 0))
    board.put("other", said("x"))
    assert ids(board) == ["q", "a"]


def test_the_same_entry_again_takes_the_place_of_the_first() -> None:
    board = Board()
    board.put("c", said("q"))
    board.put("c", said("q", 1))
    assert board.entries("c") == [said("q", 1)]


def test_it_keeps_only_so_much() -> None:
    board = Board()
    for number in range(MAX_ENTRIES + 1):
        board.put("c", said(str(number), number))
    assert ids(board) == [str(number) for number in range(1, MAX_ENTRIES + 1)]
    for number in range(MAX_CONVERSATIONS):
        board.put(f"c{number}", said("q"))
    assert ids(board) == []
    assert board.entries(f"c{MAX_CONVERSATIONS - 1}") == [said("q")]


def test_a_press_is_kept_with_who_pressed() -> None:
    board = Board()
    board.put("c", answered("a", "Yes.", 1))
    board.press("c", "a", ("web:page-agent", "✅"), down=True)
    board.press("c", "a", ("web:page-customer", "❌"), down=True)
    board.press("c", "a", ("web:page-customer", "❌"), down=False)
    board.press("c", "gone", ("web:page-agent", "✅"), down=True)
    assert board.entries("c")[0].pressed == {("web:page-agent", "✅")}


def test_only_a_progress_post_is_rewritten() -> None:
    board = Board()
    post = ProgressPost(place=PLACE, run=RunId("r"), text="10 %")
    board.put("c", Entry("p", AT, post))
    board.put("c", Entry("n", AT, Notice(place=PLACE, text="Noted")))
    for name in ("p", "n", "gone"):
        board.rewrite("c", name, "90 %")
    texts = [entry.content.text for entry in board.entries("c") if isinstance(entry.content, Notice | ProgressPost)]
    assert texts == ["90 %", "Noted"]


def test_after_a_restart_the_turns_are_there() -> None:
    turns = [turn(Speaker.PERSON, "How?", 0), turn(Speaker.BOT, "So.", 0)]
    history = Board().history("c", turns)
    assert [entry.content for entry in history] == [Said("How?"), Remembered("So.")]
    assert len({entry.id for entry in history}) == 2


def test_turns_from_before_the_restart_precede_what_was_posted_since_and_nothing_stands_there_twice() -> None:
    board = Board()
    board.put("c", answered("left over", "So.", 2))
    board.put("c", said("q", 5))
    board.put("c", answered("a", "Thus.", 6))
    turns = [
        turn(Speaker.PERSON, "How?", 0), turn(Speaker.BOT, "So.", 0),
        turn(Speaker.PERSON, "said q", 5), turn(Speaker.BOT, "Thus.", 5),
    ]  # fmt: skip
    history = board.history("c", turns)
    assert [entry.id for entry in history] == ["turn-0", "left over", "q", "a"]


def test_watchers_hear_of_their_own_conversation() -> None:
    board = Board()
    with board.watching("c") as one, board.watching("c") as two, board.watching("other") as other:
        board.put("c", said("q"))
        board.tell("c", Draft("So"))
        assert [one.get_nowait(), one.get_nowait()] == [said("q"), Draft("So")]
        assert two.qsize() == 2
        assert other.empty()
    board.tell("c", Draft("nobody is left"))
    assert one.empty()


def test_a_watcher_that_stopped_reading_is_let_go() -> None:
    board = Board()
    with board.watching("c") as news:
        for _ in range(MAX_WAITING + 5):
            board.tell("c", Draft("So"))
        waiting = [news.get_nowait() for _ in range(news.qsize())]
    assert len(waiting) == MAX_WAITING + 1
    assert waiting[-1] is None


def test_closing_ends_what_is_watched_now_and_later() -> None:
    board = Board()
    with board.watching("c") as news:
        board.close()
        assert news.get_nowait() is None
    with board.watching("c") as later:
        assert later.get_nowait() is None
