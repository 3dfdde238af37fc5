"""Groups: founding one, inviting, joining, leaving. A group has one owner, always, or it is no more."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from recommender.library_models import new_secret
from recommender.lists import CannotDo
from recommender.models import Group, Invitation, Membership, ReadingList

MOST_GROUPS = 20  # of one reader
MOST_MEMBERS = 100
MAILED_AGAIN_AFTER = timedelta(days=1)


@transaction.atomic
def found(user: User, name: str, own_name: str) -> Group:
    check_room(user)
    group = Group.objects.create(name=name)
    Membership.objects.create(group=group, user=user, name=own_name, is_owner=True)
    ReadingList.objects.create(group=group, name=name)
    return group


def check_room(user: User) -> None:
    if user.memberships.count() >= MOST_GROUPS:
        raise CannotDo(_("You are in %d groups already: leave one first.") % MOST_GROUPS)


@transaction.atomic
def invite(owner: User, group: Group, email: str) -> Invitation:
    """Mailed by the newsletter, once. Whether the address has an account here is told to nobody. How many a reader may
    ask for in a day is counted where they ask, since rows can be made to vanish."""
    Group.objects.select_for_update().get(pk=group.pk)
    now = timezone.now()
    known = group.invitations.filter(email=email).first()
    if known and known.created_at > now - MAILED_AGAIN_AFTER:
        return known
    if group.memberships.count() + group.invitations.open().count() >= MOST_MEMBERS:
        raise CannotDo(_("A group has %d members at most, invited ones included.") % MOST_MEMBERS)
    values = {"secret": new_secret(), "invited_by": owner, "created_at": now, "mailed_at": None}
    return Invitation.objects.update_or_create(group=group, email=email, defaults=values)[0]


@transaction.atomic
def join(user: User, invitation: Invitation, name: str) -> Membership:
    """By whoever holds it: an invitation to a work address is often accepted with another one. It is good once."""
    check_room(user)
    Group.objects.select_for_update().get(pk=invitation.group_id)
    member, is_new = Membership.objects.get_or_create(group_id=invitation.group_id, user=user, defaults={"name": name})
    if is_new and not Invitation.objects.filter(pk=invitation.pk, secret=invitation.secret).delete()[0]:
        raise CannotDo(_("Somebody else has used this invitation. Ask for another one."))
    return member


@transaction.atomic
def leave(membership: Membership) -> None:
    """Who leaves takes nothing along: what they put on the list stays. The longest member inherits; after the last
    one the group is gone, with its list."""
    group = Group.objects.select_for_update().get(pk=membership.group_id)
    membership.delete()
    members = group.memberships.order_by("joined_at", "pk")
    if (heir := members.first()) is None:
        group.delete()
    elif not members.filter(is_owner=True).exists():
        Membership.objects.filter(pk=heir.pk).update(is_owner=True)


@transaction.atomic
def hand_over(owner: Membership, to: Membership) -> None:
    Group.objects.select_for_update().get(pk=owner.group_id)
    Membership.objects.filter(pk=owner.pk).update(is_owner=False)
    Membership.objects.filter(pk=to.pk).update(is_owner=True)


def rename(group: Group, name: str) -> None:
    Group.objects.filter(pk=group.pk).update(name=name)
    ReadingList.objects.filter(group=group).update(name=name)
