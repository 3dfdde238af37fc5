"""The preferences page: topics, words, cadence, hour; leaving and coming back."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.views import signed_in_reader
from newsletter import subscriptions
from newsletter.forms import SubscriptionForm
from newsletter.models import Subscription
from newsletter.schedule import zone_of
from recommender.interest_forms import InterestForm
from recommender.models import Interest


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    match request.POST.get("action") if request.method == "POST" else "show":
        case "show":
            subscription = Subscription.objects.filter(user=user).first() or Subscription(user=user)
            interest = Interest.of(user)
            return page(request, subscription, SubscriptionForm(instance=subscription), InterestForm(interest))
        case "unsubscribe":
            return unsubscribe(request, user)
        case "subscribe":
            return subscribe(request, user)
        case _other:
            return save(request, user)


def page(
    request: HttpRequest, subscription: Subscription, subscription_form: SubscriptionForm, interest_form: InterestForm
) -> HttpResponse:
    return render(
        request,
        "newsletter/preferences.html",
        {
            "subscription": subscription,
            "zone": zone_of(subscription),
            "subscription_form": subscription_form,
            "interest_form": interest_form,
        },
    )


@transaction.atomic
def save(request: HttpRequest, user: User) -> HttpResponse:
    """The row is locked, and only what the form shows is written: a reader who unsubscribes from a mail at this very
    moment stays unsubscribed."""
    Subscription.objects.get_or_create(user=user)
    subscription = Subscription.objects.select_for_update().get(user=user)
    interest = Interest.of(user)
    subscription_form = SubscriptionForm(request.POST, instance=subscription)
    interest_form = InterestForm(interest, request.POST)
    if not (subscription_form.is_valid() and interest_form.is_valid()):
        return page(request, subscription, subscription_form, interest_form)
    interest_form.save()
    subscriptions.reschedule(subscription, also=list(SubscriptionForm.Meta.fields))
    messages.success(request, _("Saved."))
    return redirect("preferences")


def unsubscribe(request: HttpRequest, user: User) -> HttpResponse:
    if subscription := Subscription.objects.filter(user=user).first():
        subscriptions.unsubscribe(subscription)
    messages.success(request, _("You are unsubscribed. No more digests come; everything else stays as it is."))
    return redirect("preferences")


def subscribe(request: HttpRequest, user: User) -> HttpResponse:
    if not EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
        messages.error(request, _("Sign in once by mailed code first, so that we know the address to be yours."))
        return redirect("preferences")
    subscription = subscriptions.confirm(user)
    subscriptions.resubscribe(subscription)
    messages.success(request, _("Welcome back. The next digest comes as below."))
    return redirect("preferences")
