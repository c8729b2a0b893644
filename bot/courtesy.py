"""Greetings and thanks, which ask nothing: nobody needs an answer to them, and no agent is called for them.

Only what consists of nothing else counts; whatever has another word or a question mark in it is a question. In English,
with the commonest words of some other languages. Knows nothing of who wrote, and where.
"""

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum

from bot.personal import Kind

MAX_CHARS = 120
_MAX_WORDS = 4
"""Of a phrase below."""
_NAME = re.compile(rf"<(?:{Kind.NAME}|{Kind.USER})_\d+>")
"""What is left of it by now."""
_EMOJI_NAME = re.compile(r":[\w+-]{1,50}:")
_ASKS = re.compile(r"[?¿؟？]")


class Courtesy(StrEnum):
    GREETING = "greeting"
    THANKS = "thanks"
    NOD = "nod"
    """ "Ok", "got it", a thumb: what was said has been heard."""


_GREETINGS = (
    "hi, hello, hey, hiya, howdy, good morning, good afternoon, good evening, good day, greetings, hallo, moin, "
    "servus, guten tag, guten morgen, guten abend, bonjour, bonsoir, salut, hola, buenos días, buenas tardes, "
    "ciao, buongiorno, salve, olá, bom dia, boa tarde, hoi, goedemorgen, cześć, dzień dobry"
)
_THANKS = (
    "thanks, thank you, thankyou, many thanks, thx, tysm, ty, cheers, much appreciated, i appreciate it, danke, "
    "dankeschön, danke schön, vielen dank, besten dank, merci, merci beaucoup, gracias, muchas gracias, grazie, "
    "grazie mille, obrigado, obrigada, muito obrigado, muito obrigada, bedankt, dank je, dank u, dzięki, dziękuję"
)
_NODS = (
    "ok, okay, kk, great, nice, cool, perfect, awesome, excellent, brilliant, wonderful, lovely, super, got it, i "
    "see, understood, noted, makes sense, that makes sense, sounds good, all good, alright, will do, solved, "
    "resolved, fixed, that worked, that works, it worked, it works, works now, it works now, that helped, that "
    "helps, that did it, that was it, thats it, that solved it, never mind, nevermind, bye, goodbye, see "
    "you, have a nice day, have a great day, klar, alles klar, passt, hat geklappt, parfait, perfecto, perfetto, "
    "ottimo, perfeito"
)
_BESIDE = (
    "so much, very much, a lot, a bunch, again, all, everyone, everybody, team, folks, guys, there, and, for your "
    "help, for the help, for that, for this, for your reply, for the quick reply, for your time, now, really, "
    "sehr, much, mentee, thats, in advance"
)


def _phrases(text: str) -> list[tuple[str, ...]]:
    return [tuple(phrase.split()) for phrase in text.split(", ")]


_MEANT: dict[tuple[str, ...], Courtesy | None] = {
    **dict.fromkeys(_phrases(_BESIDE), None),
    **dict.fromkeys(_phrases(_NODS), Courtesy.NOD),
    **dict.fromkeys(_phrases(_GREETINGS), Courtesy.GREETING),
    **dict.fromkeys(_phrases(_THANKS), Courtesy.THANKS),
}


def courtesy_of(text: str) -> Courtesy | None:
    """What it is, if it is nothing else; None for whatever may ask something, and for nothing at all."""
    if not text.strip() or len(text) > MAX_CHARS or _ASKS.search(text):
        return None
    words = _words(_NAME.sub(" ", text))
    if not words:  # signs and emoji, or somebody's name
        return None if _NAME.search(text) else Courtesy.NOD
    found = _meant(words)
    return next((each for each in (Courtesy.THANKS, Courtesy.GREETING, Courtesy.NOD) if each in found), None)


def _meant(words: Sequence[str]) -> set[Courtesy | None]:
    """Of all phrases, the longest first; nothing as soon as one is none of them."""
    found = set[Courtesy | None]()
    while words:
        phrase = next((tuple(words[:n]) for n in range(_MAX_WORDS, 0, -1) if tuple(words[:n]) in _MEANT), None)
        if phrase is None:
            return set()
        found.add(_MEANT[phrase])
        words = words[len(phrase) :]
    return found


def _words(text: str) -> list[str]:
    plain = _EMOJI_NAME.sub(" ", text).casefold().replace("'", "").replace("’", "")
    return "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in plain).split()
