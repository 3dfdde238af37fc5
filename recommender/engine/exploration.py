"""A reserved place for a paper that is not among a reader's best, so that the ranker learns what it would not show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def draws(reader_ids: Iterable[int], occasion: str) -> NDArray[np.float64]:
    """(n, 2) in [0, 1): the same for a reader on one occasion (an edition's date) in whatever process and order;
    whether to explore, and which paper."""
    digests = [hashlib.blake2b(f"{reader}/{occasion}".encode(), digest_size=16).digest() for reader in reader_ids]
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2) / 2.0**64


def explored(
    chosen: NDArray[np.int64], shortlist: NDArray[np.int64], draw: NDArray[np.float64], probability: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """`chosen` (n, k) with the last place of a share `probability` of readers given to a paper of their `shortlist`
    (n, s) that is not among them, each as likely; and in whose list that is so."""
    out, whose = chosen.copy(), np.zeros(len(chosen), bool)
    for row in np.flatnonzero(draw[:, 0] < probability):
        taken = chosen[row][chosen[row] >= 0]
        others = np.setdiff1d(shortlist[row][shortlist[row] >= 0], taken)
        if len(others) and len(taken) == chosen.shape[1]:
            out[row, -1] = others[int(draw[row, 1] * len(others))]
            whose[row] = True
    return out, whose
