"""The one way out to the web: polite, patient for so long and no longer, and never into the private network."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from papers import fetching
from papers.fetching import AddressRefused, Client, FetchError, TryLater, is_public, turn
from papers.models import RequestTurn
from tests.papers.sources.local_server import Answer, Request, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick_and_local(settings: Settings) -> None:
    settings.FETCH_ALLOW_PRIVATE = True
    settings.FETCH_INTERVAL_SECONDS = 0.0
    settings.FETCH_TIMEOUT_SECONDS = 5.0


class Naps(list[float]):
    """Stands for time.sleep: notes how long, and frees every turn as the waiting would have done."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        RequestTurn.objects.update(free_at=timezone.now())


def answers(*listed: Answer) -> Callable[[Request], Answer]:
    """These, one after the other, then the last again and again."""
    remaining = list(listed)
    return lambda request: remaining.pop(0) if len(remaining) > 1 else remaining[0]


def test_an_answer_comes_whole_with_its_address_and_validators() -> None:
    with serving(
        answers(Answer("<a/>", headers={"ETag": '"7"', "Last-Modified": "Mon, 03 Jun 2024 00:00:00 GMT"}))
    ) as web:
        response = Client().get(f"{web.url}/rss/cs.LG?x=1&y=a b")
    assert (response.body, response.url) == (b"<a/>", f"{web.url}/rss/cs.LG?x=1&y=a b")
    assert response.validators == {"If-None-Match": '"7"', "If-Modified-Since": "Mon, 03 Jun 2024 00:00:00 GMT"}
    assert web.requests[0].query == {"x": "1", "y": "a b"}


def test_every_request_says_who_asks_and_how_to_write_to_them(settings: Settings) -> None:
    with serving(answers(Answer())) as web:
        Client().get(web.url)
    assert web.requests[0].headers["User-Agent"] == settings.FETCH_USER_AGENT
    assert "mailto:" in settings.FETCH_USER_AGENT


def test_a_conditional_request_is_answered_unchanged() -> None:
    def answer(request: Request) -> Answer:
        return Answer(status=304) if request.headers.get("If-None-Match") == '"7"' else Answer("<a/>")

    with serving(answer) as web:
        assert Client().get(web.url, {"If-None-Match": '"7"'}).is_unchanged


def test_compressed_answers_are_read() -> None:
    with serving(answers(Answer("<a/>" * 1000, compressed=True))) as web:
        assert Client().get(web.url).body == b"<a/>" * 1000


@pytest.mark.parametrize("compressed", [False, True])
def test_an_answer_larger_than_the_limit_is_refused(settings: Settings, compressed: bool) -> None:
    settings.FETCH_MAX_BYTES = 1024 * 1024
    with serving(answers(Answer(b"0" * 1_100_000, compressed=compressed))) as web, pytest.raises(FetchError) as error:
        Client(Naps()).get(web.url)
    assert str(error.value) == "the answer is larger than 1 MB"
    assert len(web.requests) == 1


def test_an_answer_that_drips_is_cut_when_its_time_is_up(settings: Settings) -> None:
    settings.FETCH_TIMEOUT_SECONDS = 0.2
    started = time.monotonic()
    with serving(answers(Answer(b"0" * 1000, seconds_a_byte=0.05))) as web, pytest.raises(FetchError) as error:
        Client(Naps()).get(web.url)
    assert "took longer than 0.2 seconds (tried 4 times)" in str(error.value)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("compressed", [False, True])
def test_an_answer_cut_off_is_asked_for_again(compressed: bool) -> None:
    whole = Answer("<a/>" * 100, compressed=compressed)
    with serving(answers(Answer("<a/>" * 100, compressed=compressed, cut_at=12), whole)) as web:
        assert Client(naps := Naps()).get(web.url).body == b"<a/>" * 100
    assert naps == [2.0]


def test_a_connection_refused_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(FetchError, match=r"^127\.0\.0\.1 cannot be reached: .*tried 4 times\)$"):
        Client(Naps()).get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_keeps_every_worker_away_for_as_long_as_the_server_asks(status: int) -> None:
    with serving(answers(Answer(status=status, headers={"Retry-After": "20"}), Answer("<a/>"))) as web:
        client = Client(naps := Naps())
        assert client.get(web.url).body == b"<a/>"
    assert client.n_requests == 2
    assert naps == [pytest.approx(20, abs=0.5)]


def test_retry_after_may_be_a_date(time_machine: Any) -> None:
    time_machine.move_to("2024-06-03T00:00:00+00:00", tick=False)
    headers = fetching.Message()
    headers["Retry-After"] = "Mon, 03 Jun 2024 00:02:00 GMT"
    assert fetching.retry_after(headers, default=timedelta(0)) == timedelta(minutes=2)


@pytest.mark.parametrize("value", ["", "soon", "-3", "1e9", "Mon, 99 Jun 2024 00:02:00 GMT", "٣"])
def test_an_unreadable_retry_after_means_half_a_minute(value: str) -> None:
    headers = fetching.Message()
    headers["Retry-After"] = value
    assert fetching.retry_after(headers, default=timedelta(seconds=30)) == timedelta(seconds=30)


def test_an_hour_of_retry_after_ends_the_try_and_says_until_when() -> None:
    with serving(answers(Answer(status=429, headers={"Retry-After": "3600"}))) as web:
        with pytest.raises(TryLater) as error:
            Client().get(web.url)
        assert timedelta(minutes=59) < error.value.until - timezone.now() <= timedelta(hours=1)
        with pytest.raises(TryLater):  # nor does anybody else ask before
            Client().get(web.url)
    assert len(web.requests) == 1


def test_a_missing_page_is_not_asked_for_again() -> None:
    with serving(answers(Answer(status=404))) as web, pytest.raises(FetchError, match="answered 404"):
        Client().get(web.url)
    assert len(web.requests) == 1


def test_redirects_are_followed_so_far() -> None:
    def answer(request: Request) -> Answer:
        step = int(request.path.strip("/"))
        return Answer("<a/>") if step == 5 else Answer(status=302, headers={"Location": f"/{step + 1}"})

    with serving(answer) as web:
        assert Client().get(f"{web.url}/0").url == f"{web.url}/5"
    with (
        serving(answers(Answer(status=301, headers={"Location": "/"}))) as web,
        pytest.raises(FetchError, match="more than 5"),
    ):
        Client().get(web.url)


# --- no request into the private network -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    ],
)  # fmt: skip
def test_what_is_not_out_on_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "151.101.1.42", "2606:4700::1111", "64:ff9b::808:808"])
def test_what_is_out_there_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_loopback_is_refused_however_it_is_written(settings: Settings, host: str) -> None:
    settings.FETCH_ALLOW_PRIVATE = False
    with serving(answers(Answer())) as web, pytest.raises(AddressRefused, match="not a public address"):
        Client().get(web.url.replace("127.0.0.1", host))
    assert web.requests == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/", "gopher://x", "//x", "http://", "http://a:b@example.org/", "http://[",
     "http://x:99999/"],
)  # fmt: skip
def test_only_plain_web_addresses_are_asked(url: str) -> None:
    with pytest.raises(AddressRefused):
        Client().get(url)


@pytest.fixture
def two_names(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A name server whose answers a test sets: one list of addresses for each look-up, the last one for good."""
    looked_up: list[list[str]] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        if host != "papers.example.org":
            return real(host, port, **options)
        addresses = looked_up.pop(0) if len(looked_up) > 1 else looked_up[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looked_up


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    settings: Settings, two_names: list[list[str]]
) -> None:
    settings.FETCH_ALLOW_PRIVATE = False
    two_names.append(["93.184.216.34", "10.0.0.7"])
    with pytest.raises(AddressRefused, match=r"papers\.example\.org is at 10\.0\.0\.7"):
        Client().get("http://papers.example.org/")


def test_the_address_that_was_checked_is_the_one_connected_to(
    settings: Settings, two_names: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers publicly first and privately at once after it gains nothing."""
    settings.FETCH_ALLOW_PRIVATE = False
    two_names.extend([["93.184.216.34"], ["127.0.0.1"]])
    tried: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(FetchError):
        fetching.connect(fetching.checked_target("http://papers.example.org/"))
    assert tried == [("93.184.216.34", 80)]


def test_a_redirect_to_a_private_address_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server is let through as if it were public; where it sends us is not."""
    with serving(answers(Answer("secret"))) as inside:
        redirect = Answer(status=302, headers={"Location": inside.url.replace("127.0.0.1", "127.0.0.2")})
        with serving(answers(redirect)) as outside:
            settings.FETCH_ALLOW_PRIVATE = False
            monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")
            with pytest.raises(AddressRefused, match=r"127\.0\.0\.2"):
                Client().get(outside.url)
    assert inside.requests == []


# --- one at a time ---------------------------------------------------------------------------------------------------


def test_all_of_arxiv_is_one_group_and_lookalikes_are_not() -> None:
    hosts = ["arxiv.org", "rss.arxiv.org", "export.arxiv.org", "oaipmh.arxiv.org"]
    assert {fetching.turn_group(host) for host in hosts} == {"arxiv.org"}
    assert fetching.turn_group("notarxiv.org") == "notarxiv.org"


def test_arxiv_waits_three_seconds_between_two_requests() -> None:
    with turn("arxiv.org", time.sleep):
        pass
    left = RequestTurn.objects.get(group="arxiv.org").free_at - timezone.now()
    assert timedelta(seconds=2.5) < left <= timedelta(seconds=3)


def test_a_turn_is_not_had_while_another_holds_it() -> None:
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        raise TimeoutError

    with turn("arxiv.org", pause), pytest.raises(TimeoutError), turn("arxiv.org", pause):
        pytest.fail("two at once")
    assert len(waited) == 1


def test_a_turn_whose_holder_died_comes_free(time_machine: Any) -> None:
    with pytest.raises(KeyboardInterrupt), turn("arxiv.org", time.sleep):
        raise KeyboardInterrupt
    RequestTurn.objects.update(free_at=timezone.now() + timedelta(seconds=150), token="dead")
    time_machine.move_to(timezone.now() + timedelta(seconds=151))
    with turn("arxiv.org", lambda seconds: pytest.fail("waited for a dead worker")):
        pass


def ask(url: str, times: int) -> None:
    """What a worker process does, over its own connection to the database: the parent's is not its to close."""
    for connection in connections.all():
        connection.connection = None
    for _ in range(times):
        Client().get(url)


@pytest.mark.django_db(transaction=True)
def test_workers_ask_one_at_a_time_and_keep_their_distance(settings: Settings) -> None:
    settings.FETCH_INTERVALS = {"127.0.0.1": 0.15}
    with serving(lambda request: (time.sleep(0.05), Answer("<a/>"))[1]) as web:
        RequestTurn.objects.get_or_create(group="127.0.0.1")
        workers = [multiprocessing.get_context("fork").Process(target=ask, args=(web.url, 3)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    arrived = [request.at for request in web.requests]
    assert len(arrived) == 9
    assert min(later - earlier for earlier, later in pairwise(arrived)) >= 0.15
    assert web.most_at_once == 1
