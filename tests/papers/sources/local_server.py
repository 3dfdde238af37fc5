"""A real HTTP server on loopback that answers what a test tells it to, well or badly."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float  # time.monotonic()


@dataclass(frozen=True)
class Answer:
    body: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/xml; charset=utf-8"
    compressed: bool = False
    cut_at: int | None = None  # so many bytes of the body, then the connection ends
    seconds_a_byte: float = 0.0


@dataclass
class LocalServer:
    """`answer` decides; `requests` remembers; `most_at_once` is the largest number of open connections seen."""

    answer: Callable[[Request], Answer]
    requests: list[Request] = field(default_factory=list)
    most_at_once: int = 0
    url: str = ""
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def opened(self, change: int) -> None:
        with self._lock:
            self._open += change
            self.most_at_once = max(self.most_at_once, self._open)


def handler_for(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            server.opened(+1)
            try:
                super().handle()
            except (ConnectionError, TimeoutError):
                pass  # the client went away, as some tests want it to
            finally:
                server.opened(-1)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            request = Request(parts.path, query, dict(self.headers), time.monotonic())
            server.requests.append(request)
            self.write(server.answer(request))

        def write(self, answer: Answer) -> None:
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            if answer.compressed:
                body = gzip.compress(body)
            self.send_response(answer.status)
            if answer.status != 304:
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(body)))
            if answer.compressed:
                self.send_header("Content-Encoding", "gzip")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = body[: answer.cut_at]
            if answer.seconds_a_byte:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(answer.seconds_a_byte)
            else:
                self.wfile.write(body)
            if answer.cut_at is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[LocalServer]:
    server = LocalServer(answer)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(server))
    listener.daemon_threads = True
    server.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=lambda: listener.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
