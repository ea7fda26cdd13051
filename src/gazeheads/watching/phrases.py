"""The objects that an answer describes: noun phrases, and the tokens that wrote them.

The rule is small, local and for English. A phrase begins with a determiner or a number ("a", "the", "two") and goes on
to the next punctuation mark, preposition, verb of the closed classes, conjunction, pronoun or word in -ing, five words
at most; "of" is part of it where a bare noun follows ("a bowl of fruit"). In a list, up to three bare words between
two commas or line ends are a phrase, too. It knows no other verbs: of "a dog runs" it makes "a dog runs". Where that is
not enough: `spacy:MODEL` takes the noun chunks of a spaCy model that you have installed, and `spans` takes texts from
anywhere, such as a language model's list of what was described.
"""

import re
from collections.abc import Iterator, Sequence

from gazeheads.errors import MissingPackage, RecordError, UsageError
from gazeheads.text import Word, owners, span

RULE = "rule"
LONGEST, LONGEST_BARE = 5, 3  # words

_STARTS = frozenset(
    "a an the this these those some several many few both another each his her its their our my your "
    "one two three four five six seven eight nine ten eleven twelve".split()
)
_STOPS = frozenset(
    "about above across after against along among around as at before behind below beneath beside between beyond by "
    "down during for from in inside into like near next off on onto out outside over past through to toward towards "
    "under underneath until up upon with within without "
    "and or but nor so yet while because although if than then when where whereas "
    "am is are was were be been being has have had do does did can could may might must shall should will would "
    "appears appear seems seem shows show sits sit stands stand lies lie holds hold looks look wears wear "
    "i you he she it we they him them us me who whom whose which that there here not no yes also very".split()
)
_NOUNS_IN_ING = frozenset(
    "building ceiling clothing earring evening king morning painting ring spring string swing thing wing "
    "wedding crossing railing awning drawing icing dressing awning sling".split()
)
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]|\n")
_LIST = frozenset(",;\n-•*:")


def things(token_texts: Sequence[str], by: str = RULE) -> tuple[Word, ...]:
    """The objects in the joined pieces, in order. by: "rule", or "spacy:MODEL".

    Raises `UsageError` for another way, `MissingPackage` for a spaCy or a model of it that is not installed.
    """
    text = "".join(token_texts)
    if by == RULE:
        found = list(_phrases(text))
    elif by.startswith("spacy:"):
        found = _chunks(text, by.removeprefix("spacy:"))
    else:
        raise UsageError(f'Objects by {by!r} were asked for. Find them by {RULE!r}, or by "spacy:MODEL".')
    places = owners(token_texts)
    return tuple(span(places, text[first:last], first, last) for first, last in found)


def spans(token_texts: Sequence[str], texts: Sequence[str]) -> tuple[Word, ...]:
    """Each text at its first place in the joined pieces after the text before it, or else before, whatever its case.

    Raises `RecordError` for a text that the answer does not say there, and for one without a letter.
    """
    said, places, found, start = "".join(token_texts), owners(token_texts), [], 0
    before: set[str] = set()
    for text in texts:
        wanted = text.strip()
        pattern = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)", re.IGNORECASE)
        at = pattern.search(said, start) or (None if wanted.casefold() in before else pattern.search(said))
        again = ", once more," if wanted.casefold() in before else ""
        before.add(wanted.casefold())
        if not re.search(r"\w", wanted) or at is None:
            raise RecordError(
                f'The words "{wanted}" were{again} asked for; the answer says "{said}". Give words of the answer, each '
                "as often as it says them."
            )
        found.append(span(places, at.group(), at.start(), at.end()))
        start = at.end()
    return tuple(found)


def _phrases(text: str) -> Iterator[tuple[int, int]]:
    """First and last character of each phrase, by the rule."""
    tokens = [(match.group().casefold(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    words = [token for token, _, _ in tokens]
    at = 0
    while at < len(tokens):
        first = at
        if words[at] in _STARTS or words[at].isdigit():
            at = _end(words, at + 1)
            if at > first + 1:
                yield tokens[first][1], tokens[at - 1][2]
            continue
        if _ends_item(words, at - 1):
            stop = at
            while stop < len(words) and stop - at < LONGEST_BARE and _inside(words[stop]):
                stop += 1
            if stop > at and _ends_item(words, stop) and (_listed(words, at - 1) or _listed(words, stop)):
                yield tokens[at][1], tokens[stop - 1][2]
                at = stop
        at += 1


def _end(words: Sequence[str], at: int) -> int:
    """Where a phrase whose first word stands before `at` ends."""
    first = at - 1
    while at < len(words) and at - first < LONGEST and (_inside(words[at]) or _of(words, at)):
        at += 1
    return at - 1 if words[at - 1] == "of" else at


def _of(words: Sequence[str], at: int) -> bool:
    return words[at] == "of" and at + 1 < len(words) and _inside(words[at + 1])


def _inside(word: str) -> bool:
    """Whether a word can stand inside a phrase."""
    verb = word.endswith("ing") and len(word) > 4 and word not in _NOUNS_IN_ING
    return word[0].isalpha() and word not in _STARTS and word not in _STOPS and word != "of" and not verb


def _ends_item(words: Sequence[str], at: int) -> bool:
    return not 0 <= at < len(words) or words[at] in _LIST or words[at] in (".", "and")


def _listed(words: Sequence[str], at: int) -> bool:
    return 0 <= at < len(words) and words[at] in _LIST


def _chunks(text: str, name: str) -> list[tuple[int, int]]:
    """Noun chunks of a spaCy model."""
    try:
        from spacy import load
    except ImportError as error:
        raise MissingPackage(
            f"Objects by spaCy ({name}) were asked for; spaCy is not installed. Install it, or use {RULE!r}."
        ) from error
    try:
        chunks = load(name)(text).noun_chunks
    except OSError as error:
        raise MissingPackage(
            f"Objects by the spaCy model {name!r} were asked for; it cannot be loaded ({str(error).splitlines()[0]}). "
            f"Install it with `python -m spacy download {name}`."
        ) from error
    return [(chunk.start_char, chunk.end_char) for chunk in chunks]
