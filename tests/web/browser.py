"""A browser without a screen: keeps cookies, follows redirects when told, presses buttons of forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp

__all__ = ["Browser", "Page"]

_FORM = re.compile(r'<form method="post" action="([^"]+)">(.*?)</form>', re.DOTALL)
_INPUT = re.compile(r'<input type="(hidden|radio)" name="([^"]+)" value="([^"]*)"( checked)?>')


@dataclass(frozen=True)
class Page:
    """What an address answered."""

    url: str
    status: int
    headers: dict[str, str]
    text: str = field(repr=False)

    @property
    def fields(self) -> dict[str, str]:
        """What the page's form would send: hidden fields, and the radio button that is on."""
        (form,) = _FORM.findall(self.text)
        return {
            unescape(name): unescape(value)
            for kind, name, value, checked in _INPUT.findall(form[1])
            if kind == "hidden" or checked
        }

    @property
    def action(self) -> str:
        """Where the form goes."""
        (form,) = _FORM.findall(self.text)
        return urljoin(self.url, unescape(form[0]))

    @property
    def location(self) -> str:
        """Where it redirects to."""
        assert self.status in {301, 302, 303, 307}, (self.status, self.text)
        return urljoin(self.url, self.headers["location"])


class Browser:
    """One browser. Redirects are answers like others: `follow` goes there."""

    def __init__(self) -> None:
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def get(self, url: str, **headers: str) -> Page:
        """Open an address."""
        async with self.session.get(url, headers=headers, allow_redirects=False) as answer:
            return Page(url, answer.status, _headers(answer), await answer.text())

    async def post(self, url: str, fields: dict[str, str], **headers: str) -> Page:
        """Send a form."""
        async with self.session.post(url, data=fields, headers=headers, allow_redirects=False) as answer:
            return Page(url, answer.status, _headers(answer), await answer.text())

    async def press(self, page: Page, headers: dict[str, str] | None = None, **more: str) -> Page:
        """Press the button of a page's form, as a browser does it."""
        split = urlsplit(page.action)
        origin = {"origin": f"{split.scheme}://{split.netloc}", "sec-fetch-site": "same-origin"}
        return await self.post(page.action, {**page.fields, **more}, **origin | (headers or {}))


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
