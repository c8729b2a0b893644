"""Which questions are the same but for a slip of the pen. Exact: no sampling, no threshold of similarity.

Two texts are near-duplicates when they have the same words, in whichever order, but for one that differs by one typing
error (a letter more, less, other, or two changed places: a distance of 1, Damerau 1964). Words with digits must be the
same: QB-417 isn't QB-418. Candidates are found by what one error leaves whole: the other words, with the first or the
second half of the one that it hit (deletion neighbourhoods, as in SymSpell, of words instead of letters).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from rapidfuzz.distance import OSA

WORD = re.compile(r"\w+")
APOSTROPHES = re.compile(r"(?<=\w)['’`](?=\w)")
WORDS_PER_ERROR = 20
"""In an answer, one typing error is allowed for so many words."""
LONG_WORD = 5
"""From so many letters on, a word that differs by one is taken for a typing error even when the answers differ."""

SMALL_WORDS = frozenset(
    "a about after all also am an and any are arent as at be been before but by can cannot cant could couldnt "
    "did didnt do does doesnt dont down each eight every few five for four from had hadnt has hasnt have havent "
    "he her his how i if in into is isnt it its just least less like many may me might more most must mustnt my "
    "neither never nine no none nor not now of off on once one only or our out over pm seven she should "
    "shouldnt six so some ten than that the their them then there these they this those three to too two under "
    "until up us use used uk eu usa was wasnt we were werent what when where which while who whom why will with "
    "without wont would wouldnt yes you your".split()
)
"""One of them is never a slip of the pen for another: can and can't, am and pm, on and in."""

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """Words in order, whatever their case, punctuation and width."""
    return tuple(WORD.findall(APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())))


def keys(words: Words) -> Iterator[int]:
    """64-bit keys, good within one process. Near-duplicates share at least one."""
    total = sum(map(hash, words))
    yield _signed(hash((total, "")))
    for word in set(words):
        if not any(letter.isdigit() for letter in word):
            rest, length = total - hash(word), len(word)
            for part in {(length - 1) // 2, length // 2}:
                yield _signed(hash((rest, "^", word[:part])))
                yield _signed(hash((rest, "$", word[length - part :])))


def _signed(key: int) -> int:
    return (key + (1 << 63)) % (1 << 64) - (1 << 63)


def near(first: Words, second: Words, errors: int = 1) -> bool:
    """True when at most so many words differ, each by one typing error."""
    if first == second:
        return True
    one, other = Counter(first), Counter(second)
    more, less = list((one - other).elements()), list((other - one).elements())
    return len(more) == len(less) <= errors and _pair_up(more, less)


def same_question(first: Words, second: Words) -> bool:
    """Stricter, for calling two answers contradictory: the same order, and an error only in a long word."""
    differing = [(a, b) for a, b in zip(first, second, strict=False) if a != b]
    if len(first) != len(second) or len(differing) > 1:
        return False
    return all(min(len(a), len(b)) >= LONG_WORD and _is_error(a, b) for a, b in differing)


def same_answer(first: Words, second: Words) -> bool:
    return near(first, second, 1 + min(len(first), len(second)) // WORDS_PER_ERROR)


def _pair_up(more: Sequence[str], less: Sequence[str]) -> bool:
    left = list(less)
    for word in more:
        match = next((other for other in left if _is_error(word, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _is_error(a: str, b: str) -> bool:
    if any(letter.isdigit() for letter in a + b) or len(a) == len(b) == 1:
        return False
    if a in SMALL_WORDS and b in SMALL_WORDS:
        return False
    return OSA.distance(a, b, score_cutoff=1) <= 1
