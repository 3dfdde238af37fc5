"""A newcomer's first five minutes: what they say of themselves, and the digest that comes of it, on the screen."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.views import signed_in_reader
from newsletter import subscriptions
from newsletter.digest import draft
from newsletter.editions import draft_edition
from newsletter.forms import WhenForm
from newsletter.models import Edition, Subscription
from newsletter.schedule import local_date, zone_of
from papers.models import Paper
from recommender import interactions
from recommender.reasons import describe
from recommender.starting import StartForm, papers_to_pick_from


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    subscription = Subscription.objects.filter(user=user).first() or Subscription(user=user)
    form = StartForm(request.POST or None)
    when = WhenForm(request.POST or None, instance=subscription)
    if request.method == "POST" and form.is_valid() and when.is_valid():
        form.save(user)
        subscription, _created = Subscription.objects.get_or_create(user=user)
        for name in WhenForm.Meta.fields:
            setattr(subscription, name, when.cleaned_data[name])
        subscriptions.reschedule(subscription, also=list(WhenForm.Meta.fields))
        return redirect("first_digest")
    context = {
        "form": form,
        "when": when,
        "subscription": subscription,
        "papers": papers_to_pick_from(),
        "picked": set(request.POST.getlist("papers")),
    }
    return render(request, "newsletter/start.html", context)


@login_required
@never_cache
@require_safe
def first_digest(request: HttpRequest) -> HttpResponse:
    """As it would be mailed now; nothing of it is kept."""
    user = signed_in_reader(request)
    subscription = Subscription.objects.filter(user=user).select_related("user").first()
    if subscription is None:
        return redirect("start")
    at = timezone.now()
    day = local_date(subscription, at)
    [digest] = draft(Edition.objects.filter(date=day).first() or draft_edition(day), [subscription], at)
    papers = Paper.objects.for_lists().in_bulk(digest.paper_ids)
    sentences = describe([item["reason"] for item in digest.items])
    context = {
        "digest": digest,
        "items": [
            {"paper": papers[item["paper"]], "why": why} for item, why in zip(digest.items, sentences, strict=True)
        ],
        "kinds": interactions.kinds_by_paper(user, papers.values()),
        "subscription": subscription,
        "zone": zone_of(subscription),
        "is_proven": EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists(),
    }
    return render(request, "newsletter/first_digest.html", context)
