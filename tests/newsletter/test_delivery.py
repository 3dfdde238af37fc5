"""claim -> look up -> hand over -> record, against a real mail server that misbehaves."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from newsletter import digest
from newsletter.answers import answer_of
from newsletter.delivery import MailServerUnavailable, deliver, recover_expired_leases, wait_after
from newsletter.models import Digest, Subscription, Suppression
from newsletter.subscriptions import pause, unsubscribe
from newsletter.suppression import suppress
from papers.models import Paper
from tests.newsletter.conftest import MORNING, make_due_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _morning():
    with time_machine.travel(MORNING, tick=True):
        yield


@pytest.fixture
def composed(new_papers):
    """Digests composed for alice, bob and charlie."""
    subscriptions = [make_due_reader(f"{name}@example.org") for name in ("alice", "bob", "charlie")]
    digest.compose([subscription.pk for subscription in subscriptions])
    return list(Digest.objects.order_by("pk"))


def states() -> dict[str, str]:
    return {row.subscription.user.email.partition("@")[0]: row.state for row in Digest.objects.all()}


def ids(digests) -> list[int]:
    return [row.pk for row in digests]


def test_one_connection_carries_all_digests_each_to_its_reader(composed, mail_server):
    assert deliver(ids(composed)) == {"sent": 3}
    assert mail_server.recipients == ["alice@example.org", "bob@example.org", "charlie@example.org"]
    assert mail_server.n_connections == 1
    assert [message["Message-ID"] for message in mail_server.messages] == [row.message_id for row in composed]
    assert all(row.sent_at for row in Digest.objects.all())


def test_delivering_twice_sends_once(composed, mail_server):
    deliver(ids(composed))
    assert deliver(ids(composed)) == {}
    assert len(mail_server.taken) == 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_digest_once(composed, mail_server):
    def work() -> None:
        deliver(ids(composed))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(mail_server.recipients) == ["alice@example.org", "bob@example.org", "charlie@example.org"]
    assert set(states().values()) == {"sent"}


def test_a_refused_address_costs_one_digest_and_is_suppressed(composed, mail_server):
    mail_server.answers["bob@example.org"] = "550 5.1.1 no such user"
    assert deliver(ids(composed)) == {"sent": 2, "failed": 1}
    assert states() == {"alice": "sent", "bob": "failed", "charlie": "sent"}
    assert Suppression.objects.get().address == "bob@example.org"
    assert mail_server.n_connections == 1


def test_a_refusal_for_policy_fails_and_suppresses_nobody(composed, mail_server):
    mail_server.answers["bob@example.org"] = "550 5.7.1 looks like spam"
    deliver(ids(composed))
    assert states()["bob"] == "failed"
    assert "looks like spam" in Digest.objects.get(state="failed").state_reason
    assert not Suppression.objects.exists()


def test_a_refused_text_fails_that_digest_only(composed, mail_server):
    mail_server.at_data["alice@example.org"] = "554 5.6.0 not this"
    assert deliver(ids(composed)) == {"sent": 2, "failed": 1}


@pytest.mark.parametrize("answer", ["451 4.7.1 greylisted", "421 4.3.2 shutting down", "drop"])
def test_what_is_for_now_is_tried_again_later_and_then_sent(composed, mail_server, answer):
    mail_server.answers["bob@example.org"] = [answer]
    assert deliver(ids(composed)) == {"sent": 2, "later": 1}
    waiting = Digest.objects.get(state="composed")
    assert timedelta(seconds=44) < waiting.next_attempt_at - timezone.now() < timedelta(seconds=76)
    assert deliver([waiting.pk]) == {}  # not yet
    with time_machine.travel(MORNING + timedelta(minutes=3)):
        assert digest.sweep().to_send == [waiting.pk]
        assert deliver([waiting.pk]) == {"sent": 1}
    assert mail_server.messages[-1]["Message-ID"] == waiting.message_id


def test_after_a_day_of_refusals_it_has_failed(composed, mail_server):
    mail_server.answers["bob@example.org"] = "451 busy"
    with time_machine.travel(MORNING + timedelta(hours=25)):
        deliver(ids(composed))
    failed = Digest.objects.get(state="failed")
    assert failed.state_reason.startswith("refused for a day: 451")


def test_waits_double_up_to_three_hours_and_differ():
    assert timedelta(seconds=45) <= wait_after(1) <= timedelta(seconds=75)
    assert timedelta(minutes=6) <= wait_after(4) <= timedelta(minutes=10)
    assert wait_after(500) <= timedelta(hours=3.75)
    assert len({wait_after(3) for _ in range(20)}) > 1


def test_a_lost_answer_after_the_text_is_uncertain_and_never_sent_twice(composed, mail_server):
    mail_server.at_data["bob@example.org"] = "drop after taking"
    assert deliver(ids(composed)) == {"sent": 2, "uncertain": 1}
    assert "answer was lost" in Digest.objects.get(state="uncertain").state_reason
    with time_machine.travel(MORNING + timedelta(minutes=20)):
        assert digest.sweep().to_send == []
    assert mail_server.recipients.count("bob@example.org") == 1


def test_rather_twice_sends_an_uncertain_one_again_with_its_message_id(composed, mail_server, settings):
    settings.UNCERTAIN_POLICY = "rather-twice"
    mail_server.at_data["bob@example.org"] = "drop after taking"
    deliver(ids(composed))
    with time_machine.travel(MORNING + timedelta(minutes=20)):
        deliver(digest.sweep().to_send)
    copies = [message["Message-ID"] for message in mail_server.messages if message["To"] == "bob@example.org"]
    assert len(copies) == 2
    assert len(set(copies)) == 1
    bobs = Digest.objects.get(subscription__user__email="bob@example.org")
    assert (bobs.state, bobs.state_reason) == ("sent", "sent again after an answer was lost: it may have come twice")


def test_a_refusal_between_two_copies_does_not_hide_that_there_are_two(composed, mail_server, settings):
    settings.UNCERTAIN_POLICY = "rather-twice"
    mail_server.at_data["bob@example.org"] = "drop after taking"
    deliver(ids(composed))
    mail_server.answers["bob@example.org"] = ["451 busy"]
    for minutes in (20, 40):
        with time_machine.travel(MORNING + timedelta(minutes=minutes)):
            deliver(digest.sweep().to_send)
    bobs = Digest.objects.get(subscription__user__email="bob@example.org")
    assert mail_server.recipients.count("bob@example.org") == 2
    assert bobs.state_reason == "sent again after an answer was lost: it may have come twice"


def test_what_a_lost_answer_may_have_brought_is_not_sent_anew_when_the_second_try_fails(
    composed, mail_server, settings
):
    settings.UNCERTAIN_POLICY = "rather-twice"
    mail_server.at_data["bob@example.org"] = "drop after taking"
    mail_server.at_data["alice@example.org"] = "554 5.6.0 not such a text"
    deliver(ids(composed))
    mail_server.answers["bob@example.org"] = "550 5.1.1 gone"
    with time_machine.travel(MORNING + timedelta(minutes=20)):
        deliver(digest.sweep().to_send)
    bobs = Digest.objects.get(subscription__user__email="bob@example.org")
    alices = Digest.objects.get(subscription__user__email="alice@example.org")
    assert (bobs.state, alices.state) == ("failed", "failed")
    assert bobs in Digest.objects.reached_reader()
    assert alices not in Digest.objects.reached_reader()


def test_a_text_refused_for_now_is_no_copy(composed, mail_server):
    mail_server.at_data["bob@example.org"] = "451 4.3.0 not now"
    deliver(ids(composed))
    with time_machine.travel(MORNING + timedelta(minutes=20)):
        deliver(digest.sweep().to_send)
    bobs = Digest.objects.get(subscription__user__email="bob@example.org")
    assert (bobs.state, bobs.state_reason, bobs.times_handed_over) == ("sent", "", 1)


def test_rather_twice_gives_up_after_three_copies(composed, mail_server, settings):
    settings.UNCERTAIN_POLICY = "rather-twice"
    for minutes in range(0, 60, 10):
        mail_server.at_data["bob@example.org"] = "drop after taking"
        with time_machine.travel(MORNING + timedelta(minutes=minutes)):
            deliver([*ids(composed), *digest.sweep().to_send])
    assert mail_server.recipients.count("bob@example.org") == 3
    assert states()["bob"] == "uncertain"


def test_a_worker_that_died_before_handing_over_loses_nothing(composed, mail_server):
    first = composed[0]
    Digest.objects.claim(first.pk, timezone.now() + timedelta(minutes=5), "dead")
    assert deliver([first.pk]) == {}
    later = MORNING + timedelta(minutes=6)
    with time_machine.travel(later):
        recover_expired_leases(later)
        assert deliver([first.pk]) == {"sent": 1}


def test_a_worker_that_died_after_handing_over_leaves_it_uncertain(composed):
    first = composed[0]
    Digest.objects.claim(first.pk, timezone.now() + timedelta(minutes=5), "dead")
    Digest.objects.filter(pk=first.pk).update(handed_over_at=timezone.now())
    recover_expired_leases(MORNING + timedelta(minutes=6))
    first.refresh_from_db()
    assert first.state == "uncertain"


def test_a_slow_worker_whose_lease_ended_hands_nothing_over(composed, mail_server, settings):
    settings.DIGEST_LEASE_SECONDS = 0
    assert deliver([composed[0].pk]) == {}
    assert mail_server.taken == []


def test_no_server_leaves_everything_composed(composed, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(MailServerUnavailable):
        deliver(ids(composed))
    assert set(states().values()) == {"composed"}
    assert set(Digest.objects.values_list("attempts", flat=True)) == {0}


# --- looked up at the moment of sending -----------------------------------------------------------------------------


def test_who_unsubscribed_after_composing_gets_nothing(composed, mail_server):
    unsubscribe(Subscription.objects.get(user__email="bob@example.org"))
    assert deliver(ids(composed)) == {"sent": 2, "suppressed": 1}
    assert "bob@example.org" not in mail_server.recipients


def test_a_suppressed_address_gets_nothing_in_whatever_case_it_was_written(composed, mail_server):
    suppress("Bob@Example.ORG", "complaint")
    assert deliver(ids(composed)) == {"sent": 2, "suppressed": 1}
    assert "complained" in Digest.objects.get(state="suppressed").state_reason


def test_who_paused_after_composing_gets_nothing(composed, mail_server):
    pause(Subscription.objects.get(user__email="bob@example.org"), MORNING.date() + timedelta(days=7))
    assert deliver(ids(composed)) == {"sent": 2, "skipped": 1}


def test_a_paper_withdrawn_after_composing_is_left_out_also_of_the_subject(composed, mail_server):
    leading = Paper.objects.get(pk=composed[0].items[0]["paper"])
    Paper.objects.filter(pk=leading.pk).update(status="withdrawn")
    deliver([composed[0].pk])
    [message] = mail_server.messages
    assert leading.title not in message.as_string()
    assert message["Subject"].startswith("Speech recognition with less of everything")
    assert message["Subject"] != leading.title


def test_when_all_papers_were_withdrawn_nothing_is_sent_and_the_row_says_so(composed, mail_server):
    Paper.objects.update(status="withdrawn")
    assert deliver([composed[0].pk]) == {"skipped": 1}
    assert mail_server.taken == []


def test_an_address_python_would_mangle_fails_with_the_reason(composed, mail_server):
    composed[0].subscription.user.__class__.objects.filter(email="alice@example.org").update(email="älice@example.org")
    assert deliver([composed[0].pk]) == {"failed": 1}
    assert mail_server.taken == []


def test_another_backend_than_smtp_is_used_as_django_has_it(composed, mailoutbox):
    assert deliver(ids(composed)) == {"sent": 3}
    assert len(mailoutbox) == 3


@pytest.mark.parametrize(
    ("code", "said", "is_final", "is_address"),
    [
        (421, "4.3.2 shutting down", False, False),
        (450, "4.2.1 mailbox busy", False, False),
        (550, "5.1.1 unknown", True, True),
        (550, "No such user here", True, True),
        (550, "5.2.2 mailbox full", True, False),
        (552, "mailbox full", True, False),
        (550, "5.7.1 rejected by policy", True, False),
        (554, "blocked for spam", True, False),
        (550, "blocked, see our policy", True, False),
        (556, "5.1.10 null MX", True, True),
    ],
)
def test_what_a_refusal_means(code, said, is_final, is_address):
    answer = answer_of(code, said, at_recipient=True)
    assert (answer.verdict.value == "refused") == is_final
    assert answer.is_address_error == is_address
