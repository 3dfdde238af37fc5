"""A place for trying, for as many readers as was said and for the same ones in every process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from recommender.engine.exploration import draws, explored

READERS = range(20_000)


def lists(n: int, k: int = 3, size: int = 9) -> tuple[np.ndarray, np.ndarray]:
    shortlist = np.tile(np.arange(size), (n, 1))
    return shortlist[:, :k].copy(), shortlist


def test_the_stated_share_of_readers_explores() -> None:
    chosen, shortlist = lists(len(READERS))
    for share in (0.1, 0.4):
        _, whose = explored(chosen, shortlist, draws(READERS, "2025-05-01"), share)
        assert abs(whose.mean() - share) < 4 * (share * (1 - share) / len(READERS)) ** 0.5


def test_only_the_last_place_is_given_and_each_paper_that_missed_it_is_as_likely() -> None:
    chosen, shortlist = lists(len(READERS))
    out, whose = explored(chosen, shortlist, draws(READERS, "2025-05-01"), 0.5)
    assert (out[:, :-1] == chosen[:, :-1]).all()
    assert (out[~whose] == chosen[~whose]).all()
    counts = np.bincount(out[whose, -1], minlength=9)
    assert counts[:3].tolist() == [0, 0, 0]
    expected = whose.sum() / 6
    assert (abs(counts[3:] - expected) < 4 * expected**0.5).all()


def test_a_reader_draws_the_same_on_one_occasion_whoever_else_is_asked() -> None:
    among_others, alone = draws([7, 8, 9], "2025-05-01"), draws([9], "2025-05-01")
    assert among_others[2].tolist() == alone[0].tolist()
    assert draws([9], "2025-05-02").tolist() != alone.tolist()


def test_another_process_draws_the_same() -> None:
    script = "from recommender.engine.exploration import draws; print(draws([1, 2], 'x').tolist())"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout.strip() == str(draws([1, 2], "x").tolist())


def test_the_two_draws_of_a_reader_are_even_and_independent() -> None:
    drawn = draws(READERS, "2025-05-01")
    assert ((drawn >= 0) & (drawn < 1)).all()
    assert (abs(drawn.mean(axis=0) - 0.5) < 0.01).all()
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.03


def test_a_list_that_is_not_full_or_has_nothing_beside_it_stays() -> None:
    chosen = np.array([[0, 1, -1], [0, 1, 2]])
    shortlist = np.array([[0, 1, -1], [0, 1, 2]])
    out, whose = explored(chosen, shortlist, np.zeros((2, 2)), 1.0)
    assert out.tolist() == chosen.tolist()
    assert not whose.any()


def test_nobody_explores_at_nothing_and_everybody_at_one() -> None:
    chosen, shortlist = lists(100)
    draw = draws(range(100), "2025-05-01")
    assert not explored(chosen, shortlist, draw, 0.0)[1].any()
    assert explored(chosen, shortlist, draw, 1.0)[1].all()
