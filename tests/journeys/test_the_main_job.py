"""The main job with real parts: an SMTP server, a broker, a Celery worker, the site over HTTP."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from config.embedded.outbox import text_part
from config.embedded.valkey import answers
from tests.journeys.browser import Browser
from tests.journeys.house import PAPERS, House, house
from tests.processes import ROOT, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.encoder, pytest.mark.xdist_group("the main job")]

SUBJECT = "Speech and audio"
READER = "alice@example.net"


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    with house() as built:
        yield built


def text_of(mail: EmailMessage) -> str:
    text = text_part(mail, "plain")
    assert text is not None
    return text


def papers_in(text: str) -> list[dict[str, object]]:
    """The papers a digest carries; those it only names as its reasons left out."""
    flowing = " ".join(re.sub(r"^Why: .*$", "", text, flags=re.MULTILINE).split())
    return [paper for paper in PAPERS if " ".join(str(paper["title"]).split()) in flowing]


def test_a_reader_signs_up_reads_gets_a_digest_votes_and_leaves(home: House) -> None:
    with home.broker(), home.worker():
        alice = Browser(home.site)

        alice.get("/accounts/signup/")
        alice.submit("/accounts/signup/", email=READER)
        [welcome] = home.mails(READER)
        [code] = re.findall(r"^ *([A-Z]{4}-[A-Z]{4})$", text_of(welcome), re.MULTILINE)
        alice.submit(alice.address, code=code)
        assert "/start/" in alice.address

        alice.get("/topic/speech-and-audio/?page=2")
        older = alice.links(r"/paper/\d+/")[:3]
        for paper in older:
            alice.get(paper)
        assert len(older) == 3

        home.manage("send_digests", "--user", READER, "--force")
        [_, digest] = home.mails(READER)
        text = text_of(digest)
        sent = papers_in(text)
        assert len(sent) == 10
        assert sum(SUBJECT in paper["topics"] for paper in sent) >= 7, [paper["title"] for paper in sent]  # type: ignore[operator]

        vote = re.findall(r"^Save, more or less like this: (\S+)$", text, re.MULTILINE)[0]
        scanner = Browser(home.site)
        scanner.get(f"{vote}/more")
        assert 'name="kind" value="more"' in scanner.page
        assert interactions(home, "more") == 0, "a GET voted"
        scanner.submit(vote, kind="more")
        assert interactions(home, "more") == 1

        leave = str(digest["List-Unsubscribe"]).strip("<>")
        assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        scanner.get(leave)
        assert is_subscribed(home), "a GET unsubscribed"
        one_click = urllib.parse.urlencode({"List-Unsubscribe": "One-Click"}).encode()
        with urllib.request.urlopen(leave, one_click, timeout=30) as response:
            assert response.status == 200
        assert not is_subscribed(home)
        home.manage("send_digests", "--user", READER, "--force", "--date", "2025-05-20")
        assert len(home.mails(READER)) == 2


def interactions(home: House, kind: str) -> int:
    return int(ask(home, f"from recommender.models import *; print(Interaction.objects.filter(kind='{kind}').count())"))


def is_subscribed(home: House) -> bool:
    return "True" in ask(
        home,
        "from newsletter.models import *; "
        f"print(Subscription.objects.running().filter(user__email='{READER}').exists())",
    )


def ask(home: House, code: str) -> str:
    return home.manage("shell", "--no-imports", "-c", code).strip()


def test_send_digests_twice_and_from_two_processes_at_once_delivers_each_once(home: House) -> None:
    command = [sys.executable, "manage.py", "send_digests", "--force", "--date", "2025-05-10"]
    with home.broker(), home.worker():
        at_once = [
            subprocess.Popen(command, cwd=ROOT, env=home.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(2)
        ]
        for process in at_once:
            said, _ = process.communicate(timeout=120)
            assert process.returncode == 0, said
        home.manage("send_digests", "--force", "--date", "2025-05-10")
    delivered = Counter(str(mail["Message-ID"]) for mail in home.mails("simulated-*"))
    assert len(delivered) == 20
    assert set(delivered.values()) == {1}


def test_a_broker_lost_between_composing_and_delivering_loses_no_digest(home: House) -> None:
    home = home.with_embedded_broker()
    before = len(home.mails("simulated-*"))
    with home.broker():
        # A worker's part up to here: composed and stored, and the queue asked to deliver.
        compose = "tasks.compose_digests.apply([digest.mailable(), '2025-05-11', True])"
        ask(home, f"from newsletter import digest, tasks; {compose}")
    assert not answers(home.broker_socket)
    shutil.rmtree(home.broker_socket.parent)  # and with it all that was queued
    assert len(home.mails("simulated-*")) == before

    with home.broker(), home.worker():
        later = "Digest.objects.filter(state='composed').update(lease_until=timezone.now())"
        ask(home, f"from django.utils import timezone; from newsletter.models import Digest; {later}")
        ask(home, "from newsletter.tasks import sweep; sweep.delay()")
        assert wait_until(lambda: len(home.mails("simulated-*")) >= before + 20, 60)
    assert len(home.mails("simulated-*")) == before + 20
