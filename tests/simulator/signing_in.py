"""Clicks through the simulator's sign-in pages, as a browser or any plain HTTP client would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp

__all__ = ["Shown", "allow", "callback_of", "deny", "open_page", "submit"]


@dataclass
class Shown:
    """What came: a page, or the address that the browser is sent to."""

    status: int
    text: str
    url: str
    location: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def pin(self) -> str:
        """The large text of the page."""
        return self.text.partition("<code>")[2].partition("</code>")[0]

    @property
    def form(self) -> Form:
        """The page's form."""
        form = Form()
        form.feed(self.text)
        return form


class Form(HTMLParser):
    """Reads a page's form: where it goes, its fields, and who can be chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.users: list[str] = []
        self.chosen = ""
        self.buttons: list[str] = []
        self.abilities: list[str] = []
        self._listing = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One tag."""
        given = {name: value or "" for name, value in attrs}
        self._listing = tag == "li"
        if tag == "form":
            self.action = given["action"]
        elif tag == "input" and given["type"] == "hidden":
            self.fields[given["name"]] = given["value"]
        elif tag == "input":
            self.users.append(given["value"])
            if "checked" in given:
                self.chosen = given["value"]
        elif tag == "button":
            self.buttons.append(given["value"])

    def handle_data(self, data: str) -> None:
        """The text of a list's entry."""
        if self._listing:
            self.abilities.append(data)


async def open_page(browser: aiohttp.ClientSession, url: str) -> Shown:
    """Open an address, without following it further."""
    async with browser.get(url, allow_redirects=False) as answer:
        return await _shown(answer)


async def submit(browser: aiohttp.ClientSession, page: Shown, decision: str, user: str, **more: str) -> Shown:
    """Submit the page's form; ``more`` are headers, with underscores."""
    form = page.form
    data = {**form.fields, "user": user or form.chosen, "decision": decision}
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    url = urljoin(page.url, form.action)
    async with browser.post(url, data=data, headers=headers, allow_redirects=False) as answer:
        return await _shown(answer)


async def allow(browser: aiohttp.ClientSession, url: str, *, as_user: str = "") -> Shown:
    """Open a sign-in page and allow it, as a user with this id."""
    return await submit(browser, await open_page(browser, url), "allow", as_user)


async def deny(browser: aiohttp.ClientSession, url: str) -> Shown:
    """Open a sign-in page and cancel."""
    return await submit(browser, await open_page(browser, url), "deny", "")


def callback_of(shown: Shown) -> dict[str, str]:
    """The parameters that the browser brings back to the app."""
    assert shown.status == 302, shown.text
    return {name: values[0] for name, values in parse_qs(urlsplit(shown.location).query).items()}


async def _shown(answer: aiohttp.ClientResponse) -> Shown:
    text = await answer.text()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Shown(answer.status, text, str(answer.url), headers.get("location", ""), headers)
