"""Groups: founding, inviting, joining, leaving, and the page of one."""

from __future__ import annotations

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.views import signed_in_reader
from recommender import groups
from recommender.list_forms import GroupForm, InvitationForm, ListForm, OwnNameForm, PapersForm
from recommender.list_views import page_of
from recommender.lists import CannotDo
from recommender.models import Group, Invitation, Membership


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_group(request: HttpRequest) -> HttpResponse:
    user = signed_in_reader(request)
    form = GroupForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(groups.found(user, form.cleaned_data["name"], form.cleaned_data["own_name"]))
        except CannotDo as error:
            messages.error(request, str(error))
    return render(request, "recommender/new_group.html", {"form": form})


def membership_of(request: HttpRequest, pk: int) -> Membership:
    theirs = Membership.objects.filter(user=signed_in_reader(request))
    return get_object_or_404(theirs.select_related("group__reading_list"), group__in=Group.objects.filter(pk=pk))


@login_required
@never_cache
@require_safe
def group(request: HttpRequest, pk: int) -> HttpResponse:
    mine = membership_of(request, pk)
    context = page_of(request, mine.group.reading_list, by_members=True) | {
        "group": mine.group,
        "mine": mine,
        "members": mine.group.memberships.all(),
        "invitations": mine.group.invitations.open() if mine.is_owner else [],
        "invitation_form": InvitationForm(),
        "papers_form": PapersForm(),
        "name_form": ListForm(initial={"name": mine.group.name}),
    }
    return render(request, "recommender/group.html", context)


@login_required
@require_POST
def change_group(request: HttpRequest, pk: int) -> HttpResponse:
    """`do` is mail or no-mail, leave, and for the owner invite, withdraw, remove, hand-over or rename."""
    mine = membership_of(request, pk)
    do = request.POST.get("do", "")
    if do in ("mail", "no-mail"):
        Membership.objects.filter(pk=mine.pk).update(is_mailed=do == "mail", next_mail_at=None)
        return redirect(mine.group)
    if do == "leave":
        groups.leave(mine)
        messages.success(request, _("You have left “%(name)s”.") % {"name": mine.group.name})
        return redirect("reading_lists")
    if not mine.is_owner:
        raise Http404
    try:
        change_by_owner(request, mine, do)
    except CannotDo as error:
        messages.error(request, str(error))
    return redirect(mine.group)


def change_by_owner(request: HttpRequest, owner: Membership, do: str) -> None:
    if do == "invite":
        send_invitation(request, owner.group)
    elif do == "withdraw":
        get_object_or_404(owner.group.invitations, pk=number_in(request, "invitation")).delete()
    elif do == "remove":
        groups.leave(other_member(request, owner))
    elif do == "hand-over":
        groups.hand_over(owner, other_member(request, owner))
    elif do == "rename":
        form = ListForm(request.POST)
        if not form.is_valid():
            raise CannotDo(_("A group needs a name of 80 letters at most."))
        groups.rename(owner.group, form.cleaned_data["name"])


def send_invitation(request: HttpRequest, group: Group) -> None:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        raise CannotDo(" ".join(str(error) for errors in form.errors.values() for error in errors))
    email = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="invite", key=email):
        raise CannotDo(_("That is enough for one day: invite the others tomorrow."))
    groups.invite(signed_in_reader(request), group, email)
    messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": email})


def other_member(request: HttpRequest, owner: Membership) -> Membership:
    others = owner.group.memberships.exclude(pk=owner.pk)
    return get_object_or_404(others, pk=number_in(request, "member"))


def number_in(request: HttpRequest, name: str) -> int:
    number = request.POST.get(name, "")
    return int(number) if number.isdecimal() and len(number) < 19 else 0


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """A GET shows who asks; the button joins. Whoever has no account yet makes one first and comes back here."""
    invitation = get_object_or_404(Invitation.objects.open().select_related("group"), secret=secret)
    user = request.user if isinstance(request.user, User) else None
    if user is None:
        if request.method == "POST":
            return redirect_to_login(request.path)
        inviter = Membership.objects.filter(group=invitation.group, user=invitation.invited_by).first()
        return render(request, "recommender/join.html", {"invitation": invitation, "inviter": inviter})
    if Membership.objects.filter(group=invitation.group, user=user).exists():
        return redirect(invitation.group)
    form = OwnNameForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            groups.join(user, invitation, form.cleaned_data["own_name"])
            messages.success(request, _("Welcome to “%(name)s”.") % {"name": invitation.group.name})
            return redirect(invitation.group)
        except CannotDo as error:
            messages.error(request, str(error))
    inviter = Membership.objects.filter(group=invitation.group, user=invitation.invited_by).first()
    return render(request, "recommender/join.html", {"invitation": invitation, "inviter": inviter, "form": form})
