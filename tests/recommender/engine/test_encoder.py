"""Texts as readers and sources write them, through the real encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recommender.engine import encoder as encoder_module
from recommender.engine.encoder import MAX_CHARACTERS, Encoder, clean_text, normalised
from recommender.engine.errors import EncoderUnavailable

ODD = ["Graph neural networks", None, "", "lone \ud800 surrogate", "word " * 20_000, "\x00", "深度学习", "C++"]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """Its model is loaded once a process."""
    return Encoder()


# --- without the model ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (None, ""),
        ("", ""),
        (" \n\t ", ""),
        ("a\x00b", "a b"),
        ("two\n\n  lines", "two lines"),
        ("lone \ud800", "lone ?"),
        ("x<y and y>z, 10% of $5", "x<y and y>z, 10% of $5"),
    ],
)
def test_a_text_is_cleaned_as_an_encoder_can_take_it(text: str | None, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_a_very_long_text_is_cut_where_no_tokeniser_reaches() -> None:
    assert len(clean_text("word " * 10_000)) == MAX_CHARACTERS


def test_tags_tell_models_folders_and_dimensions_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "model").mkdir(parents=True)
    tags = {
        Encoder().tag,
        Encoder(dim=64).tag,
        Encoder("org/model").tag,
        Encoder(str(tmp_path / "one" / "model")).tag,
        Encoder(str(tmp_path / "two" / "model")).tag,
    }
    assert len(tags) == 5
    assert all(set(tag) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") for tag in tags)


def test_rows_of_zeros_stay_zeros_when_scaled() -> None:
    assert normalised(np.array([[3, 4], [0, 0]], np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]


def test_no_texts_give_no_vectors_and_load_no_model(tmp_path: Path) -> None:
    assert Encoder(str(tmp_path / "missing")).encode([]).shape == (0, 0)


def test_weights_of_another_model_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(EncoderUnavailable, match="are not those of all-MiniLM-L6-v2"):
        encoder_module._bundled_folder()


# --- with it ----------------------------------------------------------------------------------------------------------


@pytest.mark.encoder
def test_odd_texts_cost_nobody_their_vector(encoder: Encoder) -> None:
    vectors = encoder.encode(ODD)
    assert vectors.shape == (len(ODD), 384)
    assert vectors.dtype == np.float32
    empty = [not clean_text(text) for text in ODD]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.where(empty, 0, 1), abs=1e-5)


@pytest.mark.encoder
def test_vectors_stand_in_the_order_of_their_texts_whatever_the_batches(encoder: Encoder) -> None:
    texts = [f"paper {number} about " + "birds " * (number * 7 % 11) for number in range(20)]
    alone = np.vstack([encoder.encode([text]) for text in texts])
    for batch_size in (3, 32):
        together = Encoder(batch_size=batch_size).encode(texts)
        assert np.abs(together - alone).max() < 1e-5  # the seventh digit differs with the batch
        assert (together @ alone.T).argmax(axis=1).tolist() == list(range(20))


@pytest.mark.encoder
def test_texts_of_one_meaning_are_nearer_than_others(encoder: Encoder) -> None:
    children, toddlers, galaxies = encoder.encode(
        ["Speech recognition for children", "Transcribing what toddlers say", "Rotation curves of spiral galaxies"]
    )
    assert children @ toddlers > children @ galaxies + 0.2


@pytest.mark.encoder
def test_fewer_dimensions_are_the_first_ones_at_length_one(encoder: Encoder) -> None:
    whole, cut = encoder.encode(["Speech"])[0], Encoder(dim=64).encode(["Speech"])[0]
    assert cut == pytest.approx(whole[:64] / np.linalg.norm(whole[:64]), abs=1e-5)


@pytest.mark.encoder
def test_the_title_counts_however_long_the_abstract(encoder: Encoder) -> None:
    abstract = "We study things and show results. " * 200
    one, other = encoder.encode([f"Galaxies\n{abstract}", f"Toddlers\n{abstract}"])
    assert one @ other < 0.999


@pytest.mark.encoder
def test_progress_is_told_a_batch_at_a_time(encoder: Encoder) -> None:
    told: list[int] = []
    Encoder(batch_size=4).encode(["a"] * 10, progress=told.append)
    assert told == [4, 4, 2]


@pytest.mark.encoder
def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="set BROADSHEET_ENCODER to a folder") as told:
        Encoder(str(tmp_path / "no-model")).encode(["a"])
    assert "no-model" in str(told.value)
    assert "\n" not in str(told.value)
