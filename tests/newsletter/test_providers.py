"""Through a provider's API: what anymail tells it, and what it answers. The provider is a server in the process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import time_machine

from newsletter import digest
from newsletter.bounces import digest_of
from newsletter.delivery import deliver
from newsletter.models import Digest
from newsletter.suppression import suppression_of
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


class Provider(HTTPServer):
    """Answers as Postmark does; `status` and `answer` say how the next one is taken."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        self.answer = {"ErrorCode": 0, "Message": "OK"}
        super().__init__(("127.0.0.1", 0), ProviderHandler)


class ProviderHandler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.told.append(told)
        answer = {"To": told["To"], "MessageID": "0a129aee", "SubmittedAt": "2025-05-05T07:02:00Z"} | self.server.answer
        body = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "token",
        "POSTMARK_API_URL": f"http://127.0.0.1:{server.server_port}/",
    }
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def composed(new_papers: list) -> Iterator[Digest]:
    with time_machine.travel(MORNING, tick=True):
        digest.compose([make_due_reader("alice@example.org").pk])
        yield Digest.objects.get()


@pytest.mark.parametrize("bounce_address", ["", "bounces@example.org"])
def test_a_provider_gets_the_whole_digest_and_the_token_to_report_by(provider, composed, settings, bounce_address):
    settings.BOUNCE_ADDRESS = bounce_address
    settings.MAIL_FROM_NAME, settings.MAIL_FROM_ADDRESS = "Broadsheet", "digest@example.org"
    assert deliver([composed.pk]) == {"sent": 1}
    [told] = provider.told
    assert told["From"] == "Broadsheet <digest@example.org>"
    assert told["To"] == "alice@example.org"
    assert "Less like this" in told["HtmlBody"]
    assert "Unsubscribe: " in told["TextBody"]
    headers = {header["Name"]: header["Value"] for header in told["Headers"]}
    assert headers["Message-ID"] == composed.message_id
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert digest_of(told["Metadata"]["digest"]) == composed.pk


@pytest.mark.parametrize(
    ("status", "error", "state"),
    [
        (422, 300, "failed"),  # this message, for good
        (401, 10, "composed"),  # our key, which an operator mends
        (429, 429, "composed"),
        (503, 100, "composed"),
    ],
)
def test_what_a_providers_refusal_means(provider, composed, status, error, state):
    provider.status, provider.answer = status, {"ErrorCode": error, "Message": "No."}
    deliver([composed.pk])
    composed.refresh_from_db()
    assert (composed.state, len(provider.told)) == (state, 1)
    assert str(status) in composed.state_reason or "No." in composed.state_reason
    assert suppression_of("alice@example.org") is None


def test_a_provider_that_is_away_is_asked_again_later(provider, composed, settings):
    settings.ANYMAIL = settings.ANYMAIL | {"POSTMARK_API_URL": "http://127.0.0.1:1/"}
    assert deliver([composed.pk]) == {"later": 1}
    composed.refresh_from_db()
    assert (composed.state, composed.times_handed_over) == ("composed", 0)
