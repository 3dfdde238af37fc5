"""So many messages a second over all workers, for providers that ask for it. The turns are given out by Redis."""

from __future__ import annotations

import logging
import time
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

# The next free turn is kept in microseconds of Redis' own clock; a caller gets it and moves it on by one interval.
TAKE_TURN = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
redis.call('SET', KEYS[1], string.format('%.0f', turn + tonumber(ARGV[1])), 'PX', 60000)
return string.format('%.0f', turn - now)
"""


class Pace:
    """One provider's turns. Where Redis is away each worker keeps the pace for itself."""

    def __init__(self, rate: float, provider: str, client: redis.Redis) -> None:
        self.interval = 1 / rate
        self.key = f"broadsheet:pace:{provider}"
        self.take_turn = client.register_script(TAKE_TURN)
        self.own_next = 0.0

    def wait(self) -> None:
        time.sleep(self.seconds_to_wait())

    def seconds_to_wait(self) -> float:
        try:
            return float(self.take_turn(keys=[self.key], args=[round(self.interval * 1e6)])) / 1e6
        except redis.RedisError as error:
            logger.warning("The pace is kept by each worker alone: %s", error)
        now = time.monotonic()
        turn = max(self.own_next, now)
        self.own_next = turn + self.interval
        return turn - now


@cache
def pace(rate: float, provider: str, url: str) -> Pace | None:
    """None where no pace is asked for. One a process, with one connection."""
    if rate <= 0:
        return None
    client = redis.Redis.from_url(
        url, socket_connect_timeout=2, socket_timeout=2, retry=Retry(NoBackoff(), 1), decode_responses=True
    )
    return Pace(rate, provider, client)


def wait_for_turn() -> None:
    provider = settings.EMAIL_HOST or settings.EMAIL_BACKEND
    if given := pace(settings.MAIL_RATE, provider, settings.REDBEAT_REDIS_URL):
        given.wait()
