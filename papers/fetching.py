"""url -> checked address -> turn -> response: the one way out to the web, polite and on its guard.

Nothing here follows the environment's proxies: a proxy would connect to addresses that were never checked.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from django.conf import settings
from django.utils import timezone

from papers.models import RequestTurn

CONNECT_SECONDS = 10.0
POLL_SECONDS = 0.25
MAX_REDIRECTS = 5
MAX_TRIES = 4
MAX_PATIENCE = timedelta(minutes=10)  # a longer Retry-After ends the run; the next one comes after it
NAT64 = ipaddress.ip_network("64:ff9b::/96")
BUSY = (429, 503)
PASSING = (408, 500, 502, 504)
REDIRECTS = (301, 302, 303, 307, 308)


class FetchError(Exception):
    """Why an address gave nothing; one line for the operator."""


class AddressRefused(FetchError):
    """An address this software must not ask."""


class Passing(FetchError):
    """A fault that may be gone on the next try."""


class Busy(Passing):
    """The server said when to try again, and the turn is not free before."""


class TryLater(FetchError):
    """The server asked to be left alone until an instant."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


@dataclass(frozen=True)
class Response:
    url: str  # after redirects
    status: int  # 200 or 304
    headers: Message
    body: bytes

    @property
    def is_unchanged(self) -> bool:
        return self.status == 304

    @property
    def validators(self) -> dict[str, str]:
        """What makes the next request for this address a conditional one."""
        pairs = (("If-None-Match", self.headers.get("ETag")), ("If-Modified-Since", self.headers.get("Last-Modified")))
        return {name: value for name, value in pairs if value}

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get_content_type() and "xhtml" not in self.headers.get_content_type()


@dataclass
class Client:
    """Asks for one address at a time. `n_requests` counts what went over the wire."""

    pause: Callable[[float], None] = time.sleep
    n_requests: int = field(default=0, init=False)

    def get(self, url: str, validators: dict[str, str] | None = None) -> Response:
        """The answer, after redirects, waits and further tries; FetchError says why there is none."""
        for attempt in range(1, MAX_TRIES + 1):
            try:
                return self._follow(url, validators or {})
            except Passing as error:
                if attempt == MAX_TRIES:
                    raise FetchError(f"{error} (tried {attempt} times)") from error
                if not isinstance(error, Busy):
                    self.pause(2.0**attempt)
        raise AssertionError("unreachable")

    def _follow(self, url: str, validators: dict[str, str]) -> Response:
        for _ in range(MAX_REDIRECTS + 1):
            response = self._ask(url, validators)
            if response.status not in REDIRECTS:
                return response
            url = urljoin(url, response.headers.get("Location", ""))
        raise FetchError(f"{url} redirects more than {MAX_REDIRECTS} times")

    def _ask(self, url: str, validators: dict[str, str]) -> Response:
        target = checked_target(url)
        host = target.hostname or ""
        with turn(turn_group(host), self.pause) as leave_alone_until:
            self.n_requests += 1
            response = exchange(target, validators)
            if response.status in BUSY:
                wait = retry_after(response.headers, default=timedelta(seconds=30))
                leave_alone_until(timezone.now() + wait)
                if wait > MAX_PATIENCE:
                    raise TryLater(
                        f"{host} answered {response.status} and asks for {wait} of quiet", timezone.now() + wait
                    )
                raise Busy(f"{host} answered {response.status}")
        if response.status in PASSING:
            raise Passing(f"{host} answered {response.status}")
        if response.status not in (200, 304, *REDIRECTS):
            raise FetchError(f"{url} answered {response.status}")
        return response


# --- whose turn it is ---------------------------------------------------------------------------------------------


def turn_group(host: str) -> str:
    """Hosts that share one turn: rss., export. and oaipmh.arxiv.org are all arxiv.org."""
    for group in settings.FETCH_INTERVALS:
        if host == group or host.endswith("." + group):
            return str(group)
    return host


@contextmanager
def turn(group: str, pause: Callable[[float], None]) -> Iterator[Callable[[datetime], None]]:
    """One request of a group at a time, over all workers, and its interval between two.

    The turn is a row in the database, so every process sees it; one that dies frees it when its time is up.
    """
    token = uuid.uuid4().hex
    hold = timedelta(seconds=settings.FETCH_TIMEOUT_SECONDS + 30)
    RequestTurn.objects.get_or_create(group=group)
    while not RequestTurn.objects.claim(group, token, timezone.now() + hold):
        held = RequestTurn.objects.get(group=group)
        wait = held.free_at - timezone.now()
        if wait > MAX_PATIENCE:
            raise TryLater(f"{group} asks for {wait} of quiet", held.free_at)
        # Whoever has a request under way frees it at an instant that nobody knows yet.
        pause(POLL_SECONDS if held.token else max(wait.total_seconds(), 0.01))
    later: list[datetime] = []
    try:
        yield later.append
    finally:
        interval = timedelta(seconds=settings.FETCH_INTERVALS.get(group, settings.FETCH_INTERVAL_SECONDS))
        RequestTurn.objects.filter(group=group, token=token).update(
            free_at=max([timezone.now() + interval, *later]), token=""
        )


def retry_after(headers: Message, default: timedelta) -> timedelta:
    """Retry-After in its two forms (RFC 9110, 10.2.3): seconds, or a date."""
    value = (headers.get("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 7 * 24 * 3600))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return default
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - timezone.now(), timedelta(0)), timedelta(days=7))


# --- where it may go ----------------------------------------------------------------------------------------------


def checked_target(url: str) -> SplitResult:
    try:
        target = urlsplit(url)
        port = target.port
    except ValueError as error:
        raise AddressRefused(f"{url[:200]!r} is not an address") from error
    if target.scheme not in ("http", "https") or not target.hostname:
        raise AddressRefused(f"{url[:200]!r} is not an http or https address")
    if target.username or target.password or port == 0:
        raise AddressRefused(f"{target.hostname} stands in an address with a password or port 0")
    return target


def is_public(address: str) -> bool:
    """Whether an IP address is out on the Internet; one that carries another inside is judged by both."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast


def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    """The addresses of a host, all of them public unless a setting allows others."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Passing(f"{host} has no address: {error}") from error
    addresses = [(family, sockaddr) for family, _, _, _, sockaddr in found]
    private = [str(sockaddr[0]) for _, sockaddr in addresses if not is_public(str(sockaddr[0]))]
    if private and not settings.FETCH_ALLOW_PRIVATE:
        raise AddressRefused(f"{host} is at {private[0]}, which is not a public address")
    return addresses  # type: ignore[return-value]


def connect(target: SplitResult) -> socket.socket:
    """A connection to an address that was checked, not to a name that could be looked up again with another answer."""
    host, secure = target.hostname or "", target.scheme == "https"
    failure: OSError | None = None
    for family, address in resolve(host, target.port or (443 if secure else 80)):
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_SECONDS)
        try:
            connection.connect(address)
            return ssl.create_default_context().wrap_socket(connection, server_hostname=host) if secure else connection
        except OSError as error:
            connection.close()
            failure = error
    raise Passing(f"{host} cannot be reached: {failure}")


# --- one request, one answer --------------------------------------------------------------------------------------


def exchange(target: SplitResult, validators: dict[str, str]) -> Response:
    """One GET over one connection, closed after it, under one time limit and one size limit."""
    host = target.hostname or ""
    connection = connect(target)
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        # The socket's own method, also for TLS: it wakes whoever waits for the other side.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)

    # A time-out of the socket starts anew with every byte; this one does not.
    watchdog = threading.Timer(settings.FETCH_TIMEOUT_SECONDS, cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        return _exchange(target, validators, connection)
    except (OSError, http.client.HTTPException, ValueError, EOFError, zlib.error, Passing) as error:
        if expired.is_set():
            raise Passing(f"{host} took longer than {settings.FETCH_TIMEOUT_SECONDS:g} seconds") from error
        if isinstance(error, Passing):
            raise
        raise Passing(f"{host} gave no proper answer: {type(error).__name__} {error}"[:300]) from error
    finally:
        watchdog.cancel()
        connection.close()


def _exchange(target: SplitResult, validators: dict[str, str], connection: socket.socket) -> Response:
    connection.settimeout(settings.FETCH_TIMEOUT_SECONDS)
    conversation = http.client.HTTPConnection(target.hostname or "", target.port)
    conversation.sock = connection
    path = quote(target.path or "/", safe="/%:@!$&'()*+,;=~")
    query = "?" + quote(target.query, safe="/%:@!$&'()*+,;=?~[]") if target.query else ""
    headers = {
        "Host": target.netloc.encode("idna").decode("ascii"),
        "User-Agent": settings.FETCH_USER_AGENT,
        "Accept-Encoding": "gzip, deflate",
        "Connection": "close",
    }
    conversation.request("GET", path + query, headers=headers | validators)
    with conversation.getresponse() as answer:
        if answer.status != 200:
            return Response(target.geturl(), answer.status, answer.headers, b"")
        body = _decoded(_whole_body(answer), answer.headers.get("Content-Encoding", "identity").strip().lower())
    return Response(target.geturl(), answer.status, answer.headers, body)


def _whole_body(answer: http.client.HTTPResponse) -> bytes:
    body = bytearray()
    while chunk := answer.read(65536):
        body += chunk
        _check_size(len(body))
    if answer.length:
        raise Passing(f"the answer was cut off {answer.length} bytes before its end")
    return bytes(body)


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise FetchError(f"the answer is encoded as {encoding[:40]!r}, which was not asked for")
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32 if encoding != "deflate" else _deflate_bits(body))
    plain = decoder.decompress(body, settings.FETCH_MAX_BYTES + 1)
    _check_size(len(plain))
    if not decoder.eof:
        raise Passing("the compressed answer was cut off")
    return plain


def _deflate_bits(body: bytes) -> int:
    """Some servers leave the zlib header out."""
    return zlib.MAX_WBITS if body[:1] == b"\x78" else -zlib.MAX_WBITS


def _check_size(n_bytes: int) -> None:
    if n_bytes > settings.FETCH_MAX_BYTES:
        raise FetchError(f"the answer is larger than {settings.FETCH_MAX_BYTES // 1024**2} MB")
