"""Words: TF-IDF with a token pattern made for papers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfTransformer

# C++, C# and F#; t-SNE, K-means and COVID-19 whole and by their parts; R, k and whatever other letter stands alone.
# scikit-learn's own pattern drops every token of one character.
TOKEN_PATTERN = r"(?u)\w+(?:\+\+|#)|\w+"
COMPOUND_PATTERN = r"(?u)\w+(?:[-–]\w+)+"

# scikit-learn's list holds words that a paper can be about, or that turn its sense.
SAYS_SOMETHING = {"against", "bill", "bottom", "computer", "cry", "detail", "empty", "fill", "fire", "full", "interest"}
SAYS_SOMETHING |= {"mill", "move", "no", "not", "side", "system", "thick", "thin", "top", "without"}
STOP_WORDS = ENGLISH_STOP_WORDS - SAYS_SOMETHING


def tokens(text: str) -> list[str]:
    """The words of a text, in lower case; a hyphenated word stands whole beside its parts."""
    text = text.lower()
    found = re.findall(TOKEN_PATTERN, text)
    found += [word.replace("–", "-") for word in re.findall(COMPOUND_PATTERN, text)]
    return [word for word in found if word not in STOP_WORDS]


class Lexicon:
    """TF-IDF with sublinear term frequencies; rows of length one.

    `min_df` is the number of texts a word must stand in, `max_words` the size of the vocabulary. `fit_counts` takes a
    sparse matrix of counts where there is no prose.
    """

    def __init__(self, *, min_df: int = 1, max_df: float = 0.5, max_words: int = 50_000) -> None:
        self.min_df = min_df
        self.max_df = max_df
        self.max_words = max_words

    def fit(self, texts: Sequence[str]) -> Lexicon:
        """Learn vocabulary and document frequencies. No text, or none with a word, gives an empty vocabulary."""
        self.vocabulary_: dict[str, int] = {}
        self.idf_ = np.zeros(0, np.float32)
        few = len(texts) < 10  # a share of so few texts would drop words that say what they are about
        try:
            counts = self._vectoriser(
                min_df=1 if few else self.min_df, max_df=1.0 if few else self.max_df, max_features=self.max_words
            )
            matrix = counts.fit_transform(texts)
        except ValueError:  # "empty vocabulary"
            return self
        self.vocabulary_ = {word: int(column) for word, column in counts.vocabulary_.items()}
        return self.fit_counts(matrix)

    def fit_counts(self, counts: sp.csr_matrix) -> Lexicon:
        """Learn document frequencies from counts (n, n_words)."""
        if not hasattr(self, "vocabulary_"):
            self.vocabulary_ = {}
        self.idf_ = np.asarray(TfidfTransformer(sublinear_tf=True).fit(counts).idf_, np.float32)
        return self

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        """(len(texts), n_words) float32 CSR, rows of length one; unknown words count for nothing."""
        if not self.vocabulary_:
            return sp.csr_matrix((len(texts), len(self.idf_)), dtype=np.float32)
        return self.transform_counts(self._vectoriser(vocabulary=self.vocabulary_).transform(texts))

    def transform_counts(self, counts: sp.csr_matrix) -> sp.csr_matrix:
        """The same from counts; a row without words stays empty."""
        out = sp.csr_matrix(counts, dtype=np.float32, copy=True)
        if out.shape[1] != len(self.idf_):
            raise ValueError(f"Counts of {out.shape[1]} words given to a lexicon of {len(self.idf_)}.")
        out.data = (1 + np.log(out.data)) * self.idf_[out.indices]
        lengths = np.sqrt(np.asarray(out.multiply(out).sum(axis=1)).ravel())
        out.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(out.indptr)).astype(np.float32)
        return out

    def words_in_order(self) -> NDArray[np.str_]:
        """The vocabulary by column."""
        return np.array(sorted(self.vocabulary_, key=self.vocabulary_.__getitem__), dtype=np.str_)

    def _vectoriser(self, **settings: Any) -> CountVectorizer:
        return CountVectorizer(analyzer=tokens, **settings)
