"""From tokens to text: which tokens wrote which characters, and which words.

A token is not a word and not even a character: a byte-level tokenizer may need three tokens for one "あ", and one
token may end a word and begin the next. Tokens are therefore never decoded one by one. Each token has as
its *token text* the characters that it completes, "" within a character; joined they are the text of an answer.

A name is looked for word by word; "a", "an" and "the" belong to none.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

LONGEST_GRAM = 4

MOST_IN_A_ROW = 3

_NUMBER = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"

_LABEL = re.compile(rf"\**\bpanel\s+{_NUMBER}\b\**\s*:\**", re.IGNORECASE)


def labels(text: str) -> list[tuple[int, int]]:
    """First character and the one after the last of each "Panel k:"."""
    return [match.span() for match in _LABEL.finditer(text)]


def strip_labels(text: str) -> str:
    """The text without "Panel k:", wherever it stands: a panel number is a claim, not a description."""
    return _LABEL.sub(" ", text).strip()


def words_of(text: str) -> list[str]:
    """The words, lower case, without punctuation."""
    return re.findall(r"\w+(?:['’]\w+)*", text.casefold())


def loop(text: str) -> str:
    """What a text says any 1- to 4-gram of more than three times in a row, for people; "" if it does not.

    Grams are looked for twice, with punctuation marks as words ("chasing , , , ,") and without ("digs, digs, digs,
    digs"). "Panel k:" is to be stripped before.
    """
    for tokens in (words_of(text), re.findall(r"\w+|[^\w\s]", text.casefold())):
        for length in range(1, LONGEST_GRAM + 1):
            same = 0  # how many tokens in a row equal the one `length` before
            for place in range(length, len(tokens)):
                same = same + 1 if tokens[place] == tokens[place - length] else 0
                if same == length * MOST_IN_A_ROW:
                    gram = " ".join(tokens[place - length + 1 : place + 1])
                    return f"{gram!r} more than {MOST_IN_A_ROW} times in a row"
    return ""


def degenerate(text: str) -> str:
    """Why the text is degenerate in any language, or "" if it is not: it holds no word, or a `loop`."""
    return loop(text) if words_of(text) else "no word"


def redacted(text: str) -> str:
    """The text without the secrets of the addresses in it: names and passwords before an @, and what follows a ?."""
    bare = re.sub(r"\b([a-zA-Z][\w+.-]*://)[^\s/?#'\"]*@", r"\1***@", text)
    return re.sub(r"\b([a-zA-Z][\w+.-]*://[^\s?#'\"]*)[?#][^\s'\"]+", r"\1?***", bare)


def a(noun: str) -> str:
    """The noun with its indefinite article: `a("apple")` is "an apple"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


Decode = Callable[[list[int]], str]

_WORD = re.compile(r"\w+(?:['’-]\w+)*")

_END = re.compile(r"(?:[!?…。！？]|(?<!\d)\.|(?<=\d)\.(?=\s))[.!?…。！？]*[\"'”’»)\]]*(?=\s|$)|[。！？]")

UNFINISHED = "\ufffd"  # what a decoder writes for bytes that are no character yet


@dataclass(frozen=True)
class Word:
    """A word of an answer and the tokens `start <= token < stop` that wrote it, white space left out.

    Neighbouring words share a token that holds the end of one and the beginning of the other.
    """

    text: str
    start: int
    stop: int

    def __str__(self) -> str:
        return self.text


@dataclass
class Detokenizer:
    """Turns tokens into text as they come. `decode`: from token ids to text, special tokens left out.

    The text before is decoded again with each piece, because some tokenizers drop the first space of what they are
    given.
    """

    decode: Decode
    _before: list[int] = field(default_factory=list)
    _open: list[int] = field(default_factory=list)

    def add(self, token: int) -> str:
        """The characters that this token completes; "" where it ends within a character."""
        self._open.append(token)
        text = self._text()
        return "" if text.endswith(UNFINISHED) else self._close(text)

    def rest(self) -> str:
        """What is left at the end, as the tokenizer writes bytes that are no character."""
        return self._close(self._text()) if self._open else ""

    def _text(self) -> str:
        return self.decode(self._before + self._open)[len(self.decode(self._before)) :]

    def _close(self, text: str) -> str:
        self._before, self._open = self._open, []
        return text


def spell(tokens: Sequence[int], decode: Decode) -> tuple[str, ...]:
    """For each token the characters that it completes; joined they are the text."""
    detokenizer = Detokenizer(decode)
    token_texts = [detokenizer.add(token) for token in tokens]
    if token_texts:
        token_texts[-1] += detokenizer.rest()
    return tuple(token_texts)


def words(token_texts: Sequence[str]) -> tuple[Word, ...]:
    """The words in the joined token texts, each with its tokens; punctuation and spaces belong to none.

    Writing without spaces counts as one word from one mark to the next.
    """
    return tuple(_words(token_texts))


def _words(token_texts: Sequence[str]) -> Iterator[Word]:
    places = owners(token_texts)
    for found in _WORD.finditer("".join(token_texts)):
        yield span(places, found.group(), found.start(), found.end())


def owners(token_texts: Sequence[str]) -> list[tuple[int, int]]:
    """For each character of the joined token texts the tokens `start <= token < stop` that wrote it."""
    ends = [
        place for place, piece in enumerate(token_texts, 1) if piece
    ]  # token after each piece that is not empty
    owner: list[tuple[int, int]] = []
    for start, stop in pairwise([0, *ends]):
        owner += [(start, stop)] * len(token_texts[stop - 1])
    return owner


def span(places: Sequence[tuple[int, int]], text: str, first: int, last: int) -> Word:
    """The characters `first <= character < last`, called `text`, as a word. places: of `owners`."""
    return Word(text, places[first][0], places[last - 1][1])


def sentences(text: str) -> int:
    """How many sentences have ended in the text so far.

    A sentence ends with . ! ? or their like, and what closes a quotation after them, before white space or at the
    end of the text. A point after a digit ends one only once white space follows: "2." may become "2.5".
    """
    return len(_END.findall(text))


def sentence_spans(token_texts: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The tokens `start <= token < stop` of each sentence in the joined texts; what is left at the end is one, too."""
    ended, text, spans, start = 0, "", [], 0
    for place, piece in enumerate(token_texts, 1):
        text += piece
        now = sentences(text)
        if now > ended:
            spans.append((start, place))
            ended, start = now, place
    return (*spans, (start, len(token_texts))) if "".join(token_texts[start:]).strip() else tuple(spans)


ARTICLES = frozenset(("a", "an", "the"))


def spoken(token_texts: Sequence[str], names: Sequence[str]) -> list[tuple[int, ...]]:
    """For each name the tokens that wrote it, () where it is not said.

    Each word belongs to one name: a name that is asked for twice is looked for twice, and "cat" is not found in "red
    cat" where both are asked for.
    """
    said = [word for word in words(token_texts) if word.text.casefold() not in ARTICLES]
    texts = [word.text.casefold() for word in said]
    free = [True] * len(said)
    found: list[tuple[int, ...]] = [()] * len(names)
    for number in sorted(range(len(names)), key=lambda n: -len(parts_of(names[n]))):
        parts = parts_of(names[number])
        for place in range(len(texts) - len(parts) + 1 if parts else 0):
            here = slice(place, place + len(parts))
            if tuple(texts[here]) == parts and all(free[here]):
                free[here] = [False] * len(parts)
                found[number] = tokens_of(said[here])
                break
    return found


def parts_of(name: str) -> tuple[str, ...]:
    """The words of a name, lower case, without articles."""
    return tuple(w.text.casefold() for w in words([name]) if w.text.casefold() not in ARTICLES)


def tokens_of(said: Sequence[Word]) -> tuple[int, ...]:
    """The tokens that wrote these words, each once."""
    return tuple(sorted({token for word in said for token in range(word.start, word.stop)}))
