"""A browser without JavaScript: cookies, pages, forms with their hidden fields."""

from __future__ import annotations

import html
import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar


class Browser:
    def __init__(self, site: str) -> None:
        self.site = site
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.address = site
        self.page = ""

    def get(self, address: str) -> str:
        return self._open(urllib.request.Request(urllib.parse.urljoin(self.site, address)))

    def submit(self, address: str, **fields: str) -> str:
        """Post a form as the page before gave it: with its CSRF token, and where it came from."""
        if token := re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.page):
            fields["csrfmiddlewaretoken"] = token[1]
        request = urllib.request.Request(
            urllib.parse.urljoin(self.site, address),
            urllib.parse.urlencode(fields).encode(),
            {"Referer": self.address},
        )
        return self._open(request)

    def links(self, pattern: str) -> list[str]:
        """Addresses on the page that match, in its order, each once."""
        found = (html.unescape(link) for link in re.findall(r'href="([^"]+)"', self.page))
        return list(dict.fromkeys(link for link in found if re.fullmatch(pattern, link)))

    def _open(self, request: urllib.request.Request) -> str:
        with self.opener.open(request, timeout=30) as response:
            self.address = response.url
            self.page = response.read().decode()
        return self.page
