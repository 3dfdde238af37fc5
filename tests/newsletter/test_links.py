"""Signed addresses: what they do, for how long, and what they refuse."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.signing import BadSignature
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from newsletter import digest, links
from newsletter.models import Click, Digest, Subscription, Vote
from recommender.models import Interaction
from tests.newsletter.conftest import MORNING, make_due_reader

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def sent(new_papers):
    """A digest that alice got a minute ago."""
    with time_machine.travel(MORNING, tick=False):
        digest.compose([make_due_reader("alice@example.org").pk])
        Digest.objects.update(state="sent", sent_at=MORNING)
        with time_machine.travel(MORNING + timedelta(minutes=1), tick=True):
            yield Digest.objects.get()


def path(url: str) -> str:
    return url.removeprefix("http://localhost:8000")


def follow(client, row: Digest, number: int = 0, link: str = "", **kwargs):
    headers = {"User-Agent": FIREFOX} | kwargs.pop("headers", {})
    return client.get(path(links.click_url(row.pk, row.paper_ids[number])) + link, headers=headers, **kwargs)


# --- tokens ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=4))
def test_what_was_signed_can_be_read_for_its_purpose_only(parts):
    token = links.sign("click", *parts)
    assert links.read("click", token) == parts
    with pytest.raises(BadSignature):
        links.read("vote", token)


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text):
    with pytest.raises(BadSignature):
        links.read("click", text)


@given(st.integers(1, 10**9), st.data())
def test_a_changed_letter_is_refused(number, data):
    token = links.sign("unsubscribe", number)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("0123456789abcXYZ-_."))
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(BadSignature):
            links.read("unsubscribe", changed)


def test_a_link_signed_with_an_older_key_still_works(settings):
    token = links.sign("unsubscribe", 5)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer one"
    assert links.read("unsubscribe", token) == [5]
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(BadSignature):
        links.read("unsubscribe", token)


def test_the_unsubscribe_address_fits_a_header_for_millions_of_readers(settings):
    settings.BASE_URL = "https://newsletter.example.org"
    assert len(links.unsubscribe_url(99_999_999)) <= 66


# --- clicks ---------------------------------------------------------------------------------------------------------


def test_a_click_is_counted_and_leads_to_its_paper(client, sent):
    response = follow(client, sent)
    assert response.status_code == 302
    assert response["Location"].startswith("https://papers.example.org/")
    click = Interaction.objects.get()
    assert (click.kind, click.source, click.paper_id) == ("click", "email", sent.paper_ids[0])


def test_pdf_leads_to_the_pdf(client, sent):
    assert follow(client, sent, link="/pdf")["Location"].endswith(".pdf")


def test_no_parameter_changes_where_a_link_leads(client, sent):
    token = path(links.click_url(sent.pk, sent.paper_ids[0]))
    response = client.get(
        f"{token}?next=https://evil.example&url=https://evil.example", headers={"User-Agent": FIREFOX}
    )
    assert response["Location"].startswith("https://papers.example.org/")
    assert client.get(token[:-1] + ("A" if token[-1] != "A" else "B")).status_code == 404


def test_head_is_marked_and_not_counted(client, sent):
    url = path(links.click_url(sent.pk, sent.paper_ids[0]))
    assert client.head(url, headers={"User-Agent": FIREFOX}).status_code == 302
    assert Click.objects.get().scanner == "HEAD"
    assert not Interaction.objects.exists()


@pytest.mark.parametrize("agent", ["", "curl/8.5", "Mozilla/5.0 (compatible; bingbot/2.0)", "BarracudaCentral scanner"])
def test_a_known_scanners_click_is_marked_and_not_counted(client, sent, agent):
    follow(client, sent, headers={"User-Agent": agent})
    assert Click.objects.get().scanner
    assert not Interaction.objects.exists()


def test_a_click_within_seconds_of_delivery_is_a_scanners(client, sent):
    with time_machine.travel(MORNING + timedelta(seconds=2), tick=False):
        follow(client, sent)
    assert Click.objects.get().scanner == "too soon after delivery"
    assert not Interaction.objects.exists()


def test_a_click_in_a_digest_that_was_uncertain_is_a_readers(client, sent):
    Digest.objects.update(state="uncertain", sent_at=None, handed_over_at=MORNING)
    follow(client, sent)
    assert Click.objects.get().scanner == ""
    assert Interaction.objects.count() == 1


def test_many_links_at_once_are_a_scanners_also_the_first_of_them(client, sent):
    for number in range(6):
        follow(client, sent, number)
    assert set(Click.objects.values_list("scanner", flat=True)) == {"many links at once"}
    assert not Interaction.objects.exists()


def test_a_reader_who_opens_three_papers_in_a_row_is_a_reader(client, sent):
    for number in range(3):
        follow(client, sent, number)
    assert Interaction.objects.count() == 3


def test_a_link_works_when_its_digest_is_gone(client, sent):
    paper_id = sent.paper_ids[0]
    url = path(links.click_url(sent.pk, paper_id))
    sent.subscription.user.delete()
    with time_machine.travel(MORNING + timedelta(days=5 * 365)):
        assert client.get(url, headers={"User-Agent": FIREFOX})["Location"].startswith("https://papers.example.org/")
    assert not Interaction.objects.exists()


# --- votes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["save", "more", "less"])
def test_a_vote_is_cast_by_its_button_and_not_by_opening_the_page(client, sent, kind):
    url = path(links.vote_url(sent.pk, sent.paper_ids[0])) + f"/{kind}"
    page = client.get(url)
    assert page.status_code == 200
    assert b"<button" in page.content
    client.head(url)
    assert not Interaction.objects.exists()
    assert b'role="status"' in client.post(url).content
    assert (Interaction.objects.get().kind, Interaction.objects.get().source) == (kind, "email")


def test_clicks_and_votes_tell_where_their_paper_stood_and_why(client, sent):
    follow(client, sent, 2)
    for _ in range(2):  # pressed twice is one vote
        client.post(path(links.vote_url(sent.pk, sent.paper_ids[1])) + "/save")
    stood = [(row.paper_id, row.position, row.reason) for row in (Click.objects.get(), Vote.objects.get(kind="save"))]
    assert stood == [(sent.paper_ids[at], at + 1, sent.items[at]["reason"]["kind"]) for at in (2, 1)]


def test_a_vote_for_a_paper_that_left_the_digest_has_no_place(client, sent):
    gone, sent.items = sent.paper_ids[1], sent.items[:1]
    sent.save()
    client.post(path(links.vote_url(sent.pk, gone)) + "/less")
    assert Vote.objects.values("position", "reason").get() == {"position": None, "reason": ""}


def test_a_vote_needs_neither_login_nor_cookie(sent):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path(links.vote_url(sent.pk, sent.paper_ids[0])) + "/save").status_code == 200
    assert Interaction.objects.get().user.email == "alice@example.org"


def test_the_text_part_leads_to_a_page_with_all_three_buttons(client, sent):
    url = path(links.vote_url(sent.pk, sent.paper_ids[0]))
    page = client.get(url).content.decode()
    assert [kind for kind in ("save", "more", "less") if f'value="{kind}"' in page] == ["save", "more", "less"]
    client.post(url, {"kind": "less"})
    assert Interaction.objects.get().kind == "less"


def test_a_link_to_follow_cannot_vote(client, sent):
    token = links.click_url(sent.pk, sent.paper_ids[0]).rpartition("/")[2]
    assert client.post(f"/v/{token}/save").status_code == 404
    assert not Interaction.objects.exists()


def test_only_save_more_and_less_can_be_voted(client, sent):
    url = path(links.vote_url(sent.pk, sent.paper_ids[0])) + "/import"
    assert client.post(url).status_code == 404
    assert not Interaction.objects.exists()


# --- unsubscribing --------------------------------------------------------------------------------------------------


def unsubscribe_path(row: Digest) -> str:
    return path(links.unsubscribe_url(row.subscription_id))


def test_one_click_unsubscribes_without_login_or_cookie_also_twice(sent):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    for _ in range(2):
        response = strict.post(
            unsubscribe_path(sent),
            "List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
        )
        assert response.status_code == 200
        assert not response.cookies
    subscription = Subscription.objects.get()
    assert subscription.unsubscribed_at is not None
    assert subscription.next_digest_at is None


def test_one_click_may_come_as_multipart_too(client, sent):
    assert client.post(unsubscribe_path(sent), {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Subscription.objects.get().unsubscribed_at is not None


def test_opening_the_page_changes_nothing_and_offers_pause_and_fewer(client, sent):
    page = client.get(unsubscribe_path(sent)).content.decode()
    assert Subscription.objects.get().unsubscribed_at is None
    for wish in ("unsubscribe", "pause", "fewer"):
        assert f'value="{wish}"' in page


def test_pause_and_fewer_are_done_by_their_buttons(client, sent):
    client.post(unsubscribe_path(sent), {"wish": "pause"})
    subscription = Subscription.objects.get()
    assert subscription.paused_until == (MORNING + timedelta(days=28)).date()
    client.post(unsubscribe_path(sent), {"wish": "fewer"})
    subscription.refresh_from_db()
    assert subscription.cadence == "weekly"
    assert subscription.unsubscribed_at is None


def test_it_works_from_a_five_year_old_mail_for_an_account_that_is_gone(client, sent):
    url = unsubscribe_path(sent)
    sent.subscription.user.delete()
    with time_machine.travel(MORNING + timedelta(days=5 * 365)):
        assert client.post(url).status_code == 200
        assert "unsubscribed" in client.get(url).content.decode()


def test_a_forged_address_unsubscribes_nobody(client, sent):
    assert client.post(f"/u/{sent.subscription_id}.AAAAAAAAAAAAAAAA").status_code == 404
    assert Subscription.objects.get().unsubscribed_at is None


# --- web copy and archive -------------------------------------------------------------------------------------------


def test_the_web_copy_shows_the_whole_digest_without_login(client, sent):
    response = client.get(path(links.digest_web_url(sent.pk)))
    assert response.status_code == 200
    assert response.content.decode().count("Less like this") == 10
    assert "on the web" not in response.content.decode()
    assert response["X-Robots-Tag"] == "noindex"
    assert "'unsafe-inline'" in response["Content-Security-Policy"]


def test_a_paper_withdrawn_since_is_gone_from_the_web_copy(client, sent):
    from papers.models import Paper

    Paper.objects.filter(pk=sent.paper_ids[0]).update(status="withdrawn")
    assert client.get(path(links.digest_web_url(sent.pk))).content.decode().count("Less like this") == 9


def test_the_archive_is_ones_own_and_says_why_a_digest_did_not_come(client, sent, bob):
    Digest.objects.create(
        subscription=sent.subscription,
        edition=sent.edition,
        period=MORNING.date() + timedelta(days=1),
        state="skipped",
        state_reason="only 2 papers passed your threshold",
        message_id="<b@c>",
    )
    assert client.get("/digests/").status_code == 302
    client.force_login(sent.subscription.user)
    page = client.get("/digests/").content.decode()
    assert sent.subject in page
    for address in ("/preferences/", "/for-you/"):
        assert "only 2 papers passed your threshold" in client.get(address).content.decode()
    assert "No digest: only 2 papers passed your threshold." in page
    client.force_login(bob)
    assert sent.subject not in client.get("/digests/").content.decode()
    assert timezone.now() > MORNING


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("sent", "Your digest of Monday, 5 May: <a"),
        ("composed", "Your digest of Monday, 5 May is on its way: <a"),
        ("uncertain", "Your digest of Monday, 5 May may not have reached you; here it is: <a"),
        ("suppressed", "No digest on Monday, 5 May: because."),
        ("failed", "No digest on Monday, 5 May: because."),
    ],
)
def test_the_readers_page_says_what_became_of_the_last_digest(client, sent, state, told):
    Digest.objects.update(state=state, state_reason="" if state == "sent" else "because")
    client.force_login(sent.subscription.user)
    assert told in client.get("/preferences/").content.decode()
