"""From tokens to text and words: bytes that are no character yet, tokens that hold several words."""

import tiny
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gazeheads.text import Word, redacted, spell, words

TOKENIZER = tiny.byte_tokenizer()


def decode(tokens: list[int]) -> str:
    return str(TOKENIZER.decode(tokens, skip_special_tokens=True))


def ids(text: str) -> list[int]:
    return list(TOKENIZER.encode(text, add_special_tokens=False))


def test_a_character_of_several_tokens_is_completed_by_its_last() -> None:
    assert spell(ids("aあb"), decode) == ("a", "", "", "あ", "b")
    assert words(spell(ids("an あb 🐕 é"), decode)) == (
        Word("an", 0, 2),
        Word("あb", 3, 7),
        Word("é", 13, 15),
    )


def test_special_tokens_write_nothing() -> None:
    end = TOKENIZER.eos_token_id
    assert spell([*ids("ab"), end], decode) == ("a", "b", "")
    assert words(("a", "b", "")) == (Word("ab", 0, 2),)


def test_what_is_no_character_is_written_at_the_end() -> None:
    tokens = ids("aあ")[:-1]
    assert "".join(spell(tokens, decode)) == decode(tokens)
    assert spell([], decode) == ()
    assert words(()) == ()


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30))
def test_pieces_join_to_the_text(text: str) -> None:
    """Any text but special tokens, which hypothesis finds in our own sources, and which write nothing."""
    assume(not any(token in text for token in TOKENIZER.all_special_tokens))
    tokens = ids(text)
    assert "".join(spell(tokens, decode)) == decode(tokens) == text


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), max_size=40))
def test_pieces_of_any_bytes_join_to_what_they_decode_to(tokens: list[int]) -> None:
    assert "".join(spell(tokens, decode)) == decode(tokens)


def test_one_token_may_hold_several_words_and_one_word_several_tokens() -> None:
    found = words(("The", " do", "g", ". It digs, do", "esn't", " it? well-known"))
    assert [(w.text, w.start, w.stop) for w in found] == [
        ("The", 0, 1),
        ("dog", 1, 3),
        ("It", 3, 4),
        ("digs", 3, 4),
        ("doesn't", 3, 5),
        ("it", 5, 6),
        ("well-known", 5, 6),
    ]


def test_a_tokenizer_that_drops_the_first_space() -> None:
    """As SentencePiece does: decoded alone, " dog" is "dog"."""
    vocabulary = ["A", "▁dog", "▁digs", "."]

    def drops(tokens: list[int]) -> str:
        return "".join(vocabulary[token] for token in tokens).replace("▁", " ").removeprefix(" ")

    assert spell([1, 2, 3, 1], drops) == ("dog", " digs", ".", " dog")


def test_secrets_of_addresses_are_left_out() -> None:
    said = "gazeheads judge run --base-url=https://me:pa%20ss@host:80/v1?key=abc&x=1 'socks5://u:p@h' a@b c?d"
    assert (
        redacted(said) == "gazeheads judge run --base-url=https://***@host:80/v1?*** 'socks5://***@h' a@b c?d"
    )
