"""Words of papers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from recommender.engine.lexical import Lexicon, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Programming in C++, C# and R", {"programming", "c++", "c#", "r"}),
        ("K-means: choosing k", {"k-means", "k", "means", "choosing"}),
        ("t-SNE of COVID-19 spread", {"t-sne", "covid-19", "spread"}),
        ("Gödel's théorème", {"gödel", "théorème"}),
        ("量子 コンピュータ", {"量子", "コンピュータ"}),
    ],
)
def test_words_that_say_what_a_paper_is_about_survive(text: str, words: set[str]) -> None:
    assert words <= set(tokens(text))


def test_everyday_words_are_left_out_but_not_the_little_words_that_turn_a_sense() -> None:
    assert set(tokens("The learning of attention is not all you need without data")) >= {"not", "without", "attention"}
    assert not {"the", "of", "is", "you"} & set(tokens("The learning of attention is all you need"))


def test_rows_have_length_one_and_rare_words_weigh_more() -> None:
    lexicon = Lexicon().fit(["speech model", "speech robots", "speech vision"])
    rows = lexicon.transform(["speech robots", "unheard of words entirely", ""])
    assert np.linalg.norm(rows[0].toarray()) == pytest.approx(1)
    weight = dict(zip(lexicon.words_in_order(), rows[0].toarray()[0], strict=True))
    assert weight["robots"] > weight["speech"] > 0
    assert rows[1].nnz == rows[2].nnz == 0


def test_tfidf_by_hand() -> None:
    # Word 0 in both texts, word 1 in one: idf = ln((1 + 2) / (1 + df)) + 1; tf = 1 + ln(count).
    counts = sp.csr_matrix(np.array([[1, 3], [2, 0]], np.float32))
    row = Lexicon().fit_counts(counts).transform_counts(counts)[0].toarray()[0]
    expected = np.array([1.0, (1 + np.log(3)) * (np.log(3 / 2) + 1)])
    assert row == pytest.approx(expected / np.linalg.norm(expected), rel=1e-5)


@pytest.mark.parametrize("texts", [[], [""], ["the of and"]])
def test_texts_without_words_give_an_empty_vocabulary(texts: list[str]) -> None:
    lexicon = Lexicon().fit(texts)
    assert lexicon.transform(["anything"]).shape == (1, 0)


def test_counts_of_another_vocabulary_are_refused() -> None:
    lexicon = Lexicon().fit_counts(sp.csr_matrix(np.ones((3, 4), np.float32)))
    with pytest.raises(ValueError, match="lexicon of 4"):
        lexicon.transform_counts(sp.csr_matrix(np.ones((1, 5), np.float32)))
