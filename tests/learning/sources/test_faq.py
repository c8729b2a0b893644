"""FAQ files as tables: what is read, and what is refused with which reason."""

from dataclasses import replace
from io import StringIO

import pytest

from bot.errors import SourceUnreadable
from learning.sources.faq import read_csv
from learning.sources.items import Broken, FaqRow
from tests.learning.sources.texts import WHERE_MORE


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\nHow?,So.\n",
        "\ufeffQuestion,Answer\r\nHow?,So.\r\n",
        "answer;question;note\nSo.;How?;x\n",
        '"question"\t"answer"\nHow?\tSo.\n\n\t\n',
        "id,topic,question,answer\n,,How?,So.",
    ],
)
def test_faq_files_of_several_kinds_say_the_same(text: str) -> None:
    (row,) = rows_of(text)
    assert replace(row, line=0) == FaqRow("how?", "How?", "So.")


def test_id_and_topic_are_taken() -> None:
    text = 'id,topic,question,answer,phrasing_1\nprice,plans,"How much, really?","Ten.\nPer month.",cost?\n'
    assert rows_of(text) == [FaqRow("price", "How much, really?", "Ten.\nPer month.", "plans", ("cost?",), 3)]


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("question,answer\nHow?,\nWhy?,So.", Broken(2, "the answer is empty", "How?")),
        ("question,answer\nWhy?,So.\n ,Yes.\n", Broken(3, "the question is empty", "Yes.")),
        ("question,answer\nWhy?,So.\nHow?\n", Broken(3, f"1 cells {WHERE_MORE}", "How?")),
        ("question,answer\nHow?,So, really.\nWhy?,So.", Broken(2, f"3 cells {WHERE_MORE}", "How? | So |  really.")),
    ],
)
def test_an_unusable_line_costs_itself_alone(text: str, broken: Broken) -> None:
    found = list(read_csv(StringIO(text)))
    assert broken in found
    assert [item.question for item in found if isinstance(item, FaqRow)] == ["Why?"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a,b\n1,2\n", "columns question and answer"), ('question,answer\nWhy?,So.\n"How?,So.\n', "line 3: ")],
)
def test_a_file_that_no_line_can_be_told_of_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SourceUnreadable, match=reason):
        rows_of(text)


def rows_of(text: str) -> list[FaqRow]:
    return [row for row in read_csv(StringIO(text)) if isinstance(row, FaqRow)]
