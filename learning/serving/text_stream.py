"""Tokens → text, piece by piece, whole characters only. Knows nothing of where a text stops."""

from transformers import PreTrainedTokenizerBase

UNFINISHED = "\ufffd"  # what a character decodes to while tokens of it are missing


class Detokenizer:
    """One text as it is being written."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._told = 0

    def grow(self, tokens: list[int], *, is_whole: bool = False) -> str:
        """Take all tokens so far; what they say beyond what was told before. A whole text is told to its end."""
        text = str(self._tokenizer.decode(tokens, skip_special_tokens=True))
        end = len(text) if is_whole else len(text.rstrip(UNFINISHED))
        piece = text[self._told : end]
        self._told = max(self._told, end)
        return piece
