"""What every page and mail knows about the site."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {"BASE_URL": settings.BASE_URL, "SITE_NAME": settings.MAIL_FROM_NAME, "DEBUG": settings.DEBUG}
