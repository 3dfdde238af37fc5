"""A rate over all workers, kept in a real Redis."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded.valkey import embedded_broker
from newsletter.pace import Pace, pace


@pytest.fixture(scope="module")
def socket():
    with tempfile.TemporaryDirectory(prefix="pace-") as folder:
        path = Path(folder) / "broker.sock"
        with embedded_broker(path):
            yield path


def client(socket: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(socket), decode_responses=True)


def test_turns_of_two_workers_follow_each_other_at_the_rate(socket):
    workers = [Pace(10, "smtp.example.org", client(socket)) for _ in range(2)]
    waits = [workers[n % 2].seconds_to_wait() for n in range(6)]
    assert waits[0] == 0
    assert waits[-1] == pytest.approx(0.5, abs=0.05)
    assert waits == sorted(waits)


def test_each_provider_has_a_pace_of_its_own(socket):
    Pace(1, "one.example.org", client(socket)).seconds_to_wait()
    assert Pace(1, "other.example.org", client(socket)).seconds_to_wait() == 0


def test_without_redis_a_worker_keeps_the_pace_alone():
    nowhere = redis.Redis(port=1, decode_responses=True, retry=Retry(NoBackoff(), 0))
    alone = Pace(10, "smtp.example.org", nowhere)
    waits = [alone.seconds_to_wait() for _ in range(3)]
    assert waits[0] == 0
    assert 0.1 < waits[2] <= 0.2


def test_no_rate_is_no_wait():
    assert pace(0, "smtp.example.org", "redis://127.0.0.1:1/0") is None
