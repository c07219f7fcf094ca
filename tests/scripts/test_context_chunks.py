"""Parts of a text that get one vector each."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.scripts.context.context_chunks import chunks

TEXTS = st.text(alphabet="abc \n\u00e9\u4e2d\U0001f600", min_size=1, max_size=400)


@given(text=TEXTS, most=st.integers(8, 60), share=st.sampled_from([0, 4, 2]))
def test_each_word_is_in_a_chunk_and_no_chunk_is_too_long(text: str, most: int, share: int) -> None:
    overlap = most // share if share else 0
    found = list(chunks(text, most, overlap))
    assert all(0 < len(each.encode()) <= most for each in found)
    words = [word for word in text.split() if len(word.encode()) < most - 4]
    assert all(any(word in each for each in found) for word in words)
    assert bool(found) == bool(text.split())


def test_chunks_without_an_overlap_are_the_text() -> None:
    text = "one two three four five six seven"
    assert list(chunks(text, 10, 0)) == ["one two", "three", "four five", "six seven"]


def test_a_chunk_begins_with_the_end_of_the_one_before() -> None:
    text = " ".join(f"word{number}" for number in range(10, 40))
    found = list(chunks(text, 35, 14))
    for before, after in pairwise(found):
        assert before.split()[-2:] == after.split()[:2]


@pytest.mark.parametrize("text", ["", " \n ", "\t"])
def test_a_text_without_words_has_no_chunk(text: str) -> None:
    assert list(chunks(text, 100, 10)) == []
