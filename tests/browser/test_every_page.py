"""Every page that a reader or a visitor can open, found from the addresses themselves: nothing for axe to find, no
message on the console, no sideways scrolling, light enough, and still once it stands."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.utils import timezone
from playwright.sync_api import Page, Response

from accounts.models import User
from accounts.tokens import make_token
from newsletter import digest
from newsletter.editions import edition_for
from newsletter.links import sign
from newsletter.models import Digest
from papers.models import Author, Paper, Submission
from recommender import groups, lists
from recommender.interactions import record
from recommender.library import annotate
from recommender.models import FeedAddress, Interest, ReadingList, SavedSearch
from tests.browser.conftest import Open, faults
from tests.config.test_every_address import addresses
from tests.factories import make_paper, make_reader, make_subscription, make_topic

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HEAVIEST = 100_000  # bytes on the wire, pictures aside
HEAVIEST_WITH_MATHEMATICS = 170_000  # KaTeX alone is 80,000, and each of its fonts some 20,000
MOST_SHIFT = 0.01  # of Chromium's layout-shift score; 0.1 counts as good

# What shows nothing when it is opened by itself: the desk, what programs ask for, and steps of a form begun before.
NOT_OPENED = re.compile(r"admin/|api/v1/.|anymail/|accounts/(github|google|orcid|social)/")

STATES = [
    "/?topic=biology",
    "/week/{day}/",
    "/month/{day}/?topic=biology",
    "/day/2001-01-01/",
    "/search/?q=birds&topic=biology",
    "/search/?q=nothingatall",
    "/for-you/?show=week",
    "/for-you/?show=all",
    "/library/?shelf=read",
    "/library/?shelf=imported",
    "/library/?shelf=all&tag=singing",
    "/library/?shelf=all&q=nothingatall",
    "/map/week/{day}/",
]

SHIFTS = """
    window.shifted = 0
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.shifted += entry.value
    }).observe({type: "layout-shift", buffered: true})
"""
SETTLED = "document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))))"


@pytest.fixture
def alice(transactional_db: None) -> User:
    """With something on every page."""
    now = timezone.now()
    alice = make_reader("alice@example.org", name="Alice")
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    make_subscription(alice, threshold="low")
    papers = [
        make_paper(
            f"Listening to birds with very few labels, part {number}",
            abstract="A model hears a bird for the first time and names it. " * 8,
            topics=["Speech and audio", "Biology"],
            authors=["Ada Lovelace", "Grace Hopper", "Mary Cartwright", "Emmy Noether", "Hedy Lamarr"],
            published_at=now - timedelta(hours=number + 1),
            pdf_url="https://papers.example.org/1.pdf",
            code_url="https://code.example.org/1",
            upvotes=number,
        )
        for number in range(10)
    ]
    tex = r"In $\vec{x} = O(n^2)$ time, $\pmb{y}$ and $\sum_i \mathcal{A}_i$ are found."
    make_paper("Squares", abstract="In O(n^2) time.", raw_abstract=tex, published_at=now - timedelta(days=400))
    withdrawn = make_paper("Taken back", published_at=now, status="withdrawn", status_reason="An error in lemma 2.")
    for paper in (papers[0], withdrawn):
        record(alice, paper, "save")
    record(alice, papers[1], "read")
    record(alice, make_paper("Robots that grasp cups", topics=["Robots"], published_at=now), "less")
    annotate(alice, papers[0], ["singing"], "Compare table 2 with ours.")
    interest = Interest.objects.create(user=alice, sentences=["How birds learn their songs"], muted_words=["cats"])
    interest.topics.add(make_topic("Speech and audio"))
    interest.authors.add(Author.objects.get(name="Ada Lovelace"))
    Interest.objects.create(user=alice, name="Robots", sentences=["Hands that hold"])
    SavedSearch.objects.create(user=alice, query="birds")
    birds, lab = lists.create_list(alice, "For the seminar"), groups.found(alice, "Bird lab", "Alice A.")
    lists.put(alice, birds, papers[:3])
    lists.put(alice, lab.reading_list, papers[1:4])
    lists.share(birds, ReadingList.Sharing.SECRET)
    open_to_all = lists.create_list(alice, "For everybody")
    lists.put(alice, open_to_all, papers[:2])
    lists.share(open_to_all, ReadingList.Sharing.PUBLIC)
    groups.invite(alice, lab, "dora@example.org")
    bob = make_reader("bob@example.org")
    groups.join(bob, groups.invite(alice, lab, bob.email), "Bob B.")
    lists.put(bob, lab.reading_list, papers[4:6])
    for state, word in (("waiting", ""), ("approved", ""), ("rejected", "It is about cooking.")):
        paper = make_paper(f"Submitted, {state}", status="published" if state == "approved" else "pending")
        Submission.objects.create(paper=paper, submitter=alice, state=state, word=word)
    FeedAddress.objects.create(user=alice)
    make_token(alice, "A notebook")
    edition_for(now.date())
    assert digest.compose([alice.subscription.pk], day=now.date(), force=True)
    return alice


def values(alice: User) -> dict[str, list[str]]:
    """What each argument of an address is tried with, until a page opens."""
    sent, paper = Digest.objects.get(subscription__user=alice), Paper.objects.published().newest_first()[0]
    group = alice.memberships.get().group
    open_to_all = ReadingList.objects.get(sharing="public")
    tokens = [
        sign("unsubscribe", alice.subscription.pk),
        sign("group_unsubscribe", group.pk, alice.pk),
        sign("vote", sent.pk, sent.paper_ids[0]),
        sign("digest_web", sent.pk),
    ]
    secrets = [alice.reading_lists.get(sharing="secret").secret, group.invitations.get(email="dora@example.org").secret]
    return {
        "pk": [str(row.pk) for row in (open_to_all, group, *alice.interests.all(), paper, *Author.objects.all())],
        "slug": ["biology"],
        "span": ["month"],
        "day": [str(timezone.now().date())],
        "token": tokens,
        "secret": secrets,
        "kind": ["save"],
        "link": ["pdf"],
        "form": ["bib"],
        "citation": ["bib"],
        "uidb36": ["1"],
        "key": ["x"],
    }


def pages(client: Client, alice: User) -> Iterator[str]:
    """One address of each kind that answers with a page."""
    tried_with = values(alice)
    for route, _pattern in addresses(get_resolver().url_patterns):
        if NOT_OPENED.match(route):
            continue
        names = re.findall(r"<(?:\w+:)?(\w+)>", route)
        for chosen in product(*(tried_with[name] for name in names)):
            url = "/" + re.sub(r"<[^>]+>", "{}", route.strip("^$")).format(*chosen)
            response = client.get(url)
            if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
                yield url
                break


class Walk:
    """Opens one page after the other, weighs each and watches whether it moves."""

    def __init__(self, page: Page) -> None:
        self.page, self.n_bytes = page, 0
        page.add_init_script(SHIFTS)
        page.on("response", self.weigh)
        self.found: dict[str, list[str]] = {}

    def weigh(self, response: Response) -> None:
        if response.ok and response.request.resource_type != "image":
            body = response.body()
            # WhiteNoise keeps what is static compressed, but only once it is collected.
            is_static = "/static/" in response.url and not response.url.endswith(".woff2")
            is_packed = is_static or response.headers.get("content-encoding") == "gzip"
            self.n_bytes += len(gzip.compress(body) if is_packed else body)

    def open(self, url: str) -> None:
        self.n_bytes = 0
        response = self.page.goto(url)
        self.page.evaluate(SETTLED)
        shifted = self.page.evaluate("window.shifted")  # before the window changes its width, which moves everything
        wrong = faults(self.page)
        heaviest = HEAVIEST_WITH_MATHEMATICS if self.page.locator("[data-tex]").count() else HEAVIEST
        if response is None or response.status != 200:
            wrong.append(f"answers {response and response.status}")
        if self.n_bytes > heaviest:
            wrong.append(f"weighs {self.n_bytes} bytes")
        if shifted > MOST_SHIFT:
            wrong.append(f"moves by {shifted:.3f}")
        if wrong:
            self.found[url] = wrong


def test_every_page(alice: User, open_page: Open) -> None:
    """A reader's; and of a visitor those that a reader never sees, or sees otherwise."""
    signed_in = Client()
    signed_in.force_login(alice)
    hers, theirs = set(pages(signed_in, alice)), set(pages(Client(), alice))
    assert (len(hers) > 45, len(theirs - hers) > 3) == (True, True)
    squares, withdrawn = (Paper.objects.get(title=title).get_absolute_url() for title in ("Squares", "Taken back"))
    hers |= {state.format(day=timezone.now().date()) for state in STATES} | {squares, withdrawn}
    found = {}
    for who, urls in ((alice, hers), (None, (theirs - hers) | {"/", "/search/?q=birds", squares})):
        walk = Walk(open_page("/robots.txt", who))
        for url in sorted(urls):
            walk.open(url)
        found |= {(url, who and who.email): wrong for url, wrong in walk.found.items()}
    assert found == {}


def test_a_long_page_is_light_too(alice: User, open_page: Open) -> None:
    for number in range(60):
        make_paper(f"Paper {number} " + "with a long title " * 4, abstract="Words. " * 300, topics=["Biology"])
    for path in ("/day/2025-05-01/", "/search/?q=paper"):
        walk = Walk(open_page("/robots.txt", alice))
        walk.page.goto(path)
        walk.page.evaluate(SETTLED)
        assert 20_000 < walk.n_bytes < HEAVIEST, path


def test_the_pages_of_what_went_wrong(open_page: Open, rf: RequestFactory) -> None:
    page, found = open_page("/robots.txt"), []
    request = rf.get("/")
    request.user = AnonymousUser()
    names = ("403", "403_csrf", "404", "429", "500")
    html = {name: render_to_string(f"{name}.html", request=request) for name in names}
    page.route(
        "**/wrong/*",
        lambda route: route.fulfill(body=html[route.request.url.rpartition("/")[2]], content_type="text/html"),
    )
    for name in names:
        page.goto(f"/wrong/{name}")
        found += [f"{name}: {line}" for line in faults(page)]
    assert found == []
