"""Pages that mails lead to. A GET changes nothing a reader could regret: it may count a click, the rest is buttons."""

from __future__ import annotations

from datetime import timedelta

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.core.signing import BadSignature
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import View

from accounts.views import signed_in_reader
from newsletter import links, subscriptions
from newsletter.clicks import VOTES, note_click, note_vote
from newsletter.message import digest_context, load_contents, render_html
from newsletter.models import Click, Digest, Subscription
from newsletter.schedule import local_date
from papers.models import Paper
from recommender.models import Membership

PAUSE_DAYS = 28
DIGESTS_A_PAGE = 30
# A mail's HTML carries its styles in the tags, since mail programs know nothing else.
MAIL_STYLES = {"style-src": ["'unsafe-inline'"]}


def signed(purpose: str, token: str) -> list[int]:
    try:
        return links.read(purpose, token)
    except BadSignature as error:
        raise Http404(str(error)) from error


@require_safe
@never_cache
def click(request: HttpRequest, token: str, link: str = Click.Link.PAGE) -> HttpResponse:
    """To the paper the link was signed for, whatever became of digest and reader."""
    digest_id, paper_id = signed("click", token)
    if link not in Click.Link.values:
        raise Http404
    paper = get_object_or_404(Paper, pk=paper_id)
    digest = Digest.objects.select_related("subscription__user").filter(pk=digest_id).first()
    if digest is not None:
        note_click(digest, paper, link, request.headers.get("User-Agent", ""), method=str(request.method))
    return HttpResponseRedirect(target(paper, link))


def target(paper: Paper, link: str) -> str:
    if not paper.is_visible():
        return paper.get_absolute_url()  # which says what became of it
    external = {Click.Link.PAGE: paper.url, Click.Link.PDF: paper.pdf_url, Click.Link.CODE: paper.code_url}
    return external.get(Click.Link(link)) or paper.get_absolute_url()


@method_decorator([never_cache, csrf_exempt], name="dispatch")
class Vote(View):
    """A mail's Save, More and Less: a page with a button. The signed address permits it, no cookie is asked."""

    def get(self, request: HttpRequest, token: str, kind: str = "") -> HttpResponse:
        return self.page(request, token, kind)

    def post(self, request: HttpRequest, token: str, kind: str = "") -> HttpResponse:
        digest, paper = self.read(token)
        kind = request.POST.get("kind", kind)
        if kind not in VOTES:
            raise Http404
        if digest is not None:
            note_vote(digest, paper, kind)
        return self.page(request, token, kind, is_done=True)

    def page(self, request: HttpRequest, token: str, kind: str, is_done: bool = False) -> HttpResponse:
        digest, paper = self.read(token)
        if kind and kind not in VOTES:
            raise Http404
        context = {"paper": paper, "kind": kind, "is_done": is_done, "digest": digest, "token": token}
        return render(request, "newsletter/vote.html", context)

    def read(self, token: str) -> tuple[Digest | None, Paper]:
        digest_id, paper_id = signed("vote", token)
        digest = Digest.objects.select_related("subscription__user").filter(pk=digest_id).first()
        return digest, get_object_or_404(Paper, pk=paper_id)


@method_decorator([never_cache, csrf_exempt], name="dispatch")
class Unsubscribe(View):
    """RFC 8058: the mail program posts here, without cookie or login. People get a page with buttons."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.page(request, token, self.subscription(token))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """A reader or account that is gone is unsubscribed already; so is one who clicks twice."""
        subscription = self.subscription(token)
        wish = request.POST.get("wish", "unsubscribe")
        if subscription is None:
            return self.page(request, token, None, done="unsubscribe")
        if wish == "pause":
            today = local_date(subscription, timezone.now())
            subscriptions.pause(subscription, today + timedelta(days=PAUSE_DAYS))
        elif wish == "fewer":
            subscriptions.send_fewer(subscription)
        else:
            wish = "unsubscribe"
            subscriptions.unsubscribe(subscription)
        return self.page(request, token, subscription, done=wish)

    def subscription(self, token: str) -> Subscription | None:
        [subscription_id] = signed("unsubscribe", token)
        return Subscription.objects.select_related("user").filter(pk=subscription_id).first()

    def page(self, request: HttpRequest, token: str, subscription: Subscription | None, done: str = "") -> HttpResponse:
        context = {"subscription": subscription, "done": done, "pause_days": PAUSE_DAYS, "token": token}
        return render(request, "newsletter/unsubscribe.html", context)


@method_decorator([never_cache, csrf_exempt], name="dispatch")
class GroupUnsubscribe(View):
    """From one group's weekly mail, in the same manner; membership and one's own digests stay."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.page(request, token, is_done=not self.wanted(token).exists())

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        self.wanted(token).update(is_mailed=False)
        return self.page(request, token, is_done=True)

    def wanted(self, token: str) -> QuerySet[Membership]:
        group_id, user_id = signed("group_unsubscribe", token)
        return Membership.objects.filter(group=group_id, user=user_id, is_mailed=True)

    def page(self, request: HttpRequest, token: str, is_done: bool) -> HttpResponse:
        return render(request, "newsletter/group_unsubscribe.html", {"token": token, "is_done": is_done})


@require_safe
@csp_update(MAIL_STYLES)  # type: ignore[arg-type]
def digest_web(request: HttpRequest, token: str) -> HttpResponse:
    """The digest as it was sent, whole, for whoever holds the mail."""
    [digest_id] = signed("digest_web", token)
    digest = get_object_or_404(Digest.objects.select_related("subscription__user", "edition", "group"), pk=digest_id)
    response = HttpResponse(web_copy(digest))
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private"
    return response


def web_copy(digest: Digest) -> str:
    """What is hidden or withdrawn since is left out."""
    visible = set(Paper.objects.published().filter(pk__in=digest.paper_ids).values_list("pk", flat=True))
    items = [item for item in digest.items if item["paper"] in visible]
    return render_html(digest_context(digest, load_contents([digest]), items) | {"is_web_copy": True})


@login_required
@require_safe
def digest_archive(request: HttpRequest) -> HttpResponse:
    """Every digest of one's own, also those that were not sent, with the reason."""
    digests = Digest.objects.filter(subscription__user=signed_in_reader(request)).select_related("edition")
    page = Paginator(digests, DIGESTS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "newsletter/archive.html", {"page": page})
