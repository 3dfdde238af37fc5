"""Where a button leads that stands on many pages: back to the page it was pressed on."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def way_back(request: HttpRequest, otherwise: str) -> str:
    """The form's `next` where it is a path of this site."""
    back = request.POST.get("next", "")
    here = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=here, require_https=request.is_secure())
    return back if is_ours and back.startswith("/") else otherwise
