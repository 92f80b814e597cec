"""Signing in: what is under way, and the pages that a person clicks through.

A page asks as which user of the simulated X to sign in and shows what the app will be able to do. Its form
carries a key that was made for this page and works once, and a browser's submission must come from the page.
"""

from __future__ import annotations

import html
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

from botkit.simulator.endpoint import Answer
from botkit.simulator.webhooks import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botkit.simulator.config import Permission, SimulatorConfig
    from botkit.simulator.endpoint import Call, Parts
    from botkit.simulator.things import User
    from botkit.simulator.tokens import Grant, Tokens

__all__ = [
    "OUT_OF_BAND",
    "AuthorizationCode",
    "Page",
    "RequestToken",
    "SignIns",
    "callback_problem",
    "decision",
    "message_page",
    "redirect",
    "with_query",
]

T = TypeVar("T")

#: the callback of whoever can't be called back: the user reads a PIN
OUT_OF_BAND = "oob"
#: never as callback (Source: X docs, authentication/oauth-1-0a)
_FORBIDDEN = frozenset({"javascript", "data", "file", "ftp", "mailto", "telnet", "vbscript", "about", "blob"})
_REMEMBERED = 1000
_COOKIE = "sim_user"
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//[A-Za-z0-9.:\[\]-]+)?")


@dataclass(slots=True, eq=False)
class RequestToken:
    """An OAuth 1.0a sign-in under way. ``verifier`` is empty until the user allowed it."""

    token: str
    secret: str = field(repr=False)
    callback: str
    permission: Permission
    user_id: str = ""
    verifier: str = field(default="", repr=False)


@dataclass(slots=True, eq=False)
class AuthorizationCode:
    """An OAuth 2.0 code; works once, until ``expires_at``."""

    grant: Grant
    redirect_uri: str
    challenge: str
    method: str
    expires_at: float


class _Bounded(OrderedDict[str, T], Generic[T]):
    """The newest things; the oldest go."""

    def __setitem__(self, key: str, value: T) -> None:
        super().__setitem__(key, value)
        if len(self) > _REMEMBERED:
            self.popitem(last=False)


class SignIns:
    """Everything between the first request of a sign-in and its tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.requests: _Bounded[RequestToken] = _Bounded()
        self.codes: _Bounded[AuthorizationCode] = _Bounded()
        self._forms: _Bounded[str] = _Bounded()
        self._browsers: _Bounded[str] = _Bounded()

    def form_key(self, subject: str) -> str:
        """A key for one form about ``subject``."""
        key = self._tokens.make()
        self._forms[key] = subject
        return key

    def use_form_key(self, key: str, subject: str) -> bool:
        """Whether a form's key was made for this; it works once."""
        return self._forms.pop(key, None) == subject

    def remember(self, user_id: str) -> dict[str, str]:
        """The header that lets a browser stay signed in."""
        browser = self._tokens.make()
        self._browsers[browser] = user_id
        return {"set-cookie": f"{_COOKIE}={browser}; Path=/; HttpOnly; SameSite=Lax"}

    def signed_in(self, call: Call) -> str:
        """The user that a browser is signed in as; empty when none."""
        found = re.search(rf"(?:^|;\s*){_COOKIE}=([0-9a-f]+)", call.headers.get("cookie", ""))
        return self._browsers.get(found[1], "") if found else ""


def callback_problem(url: str, config: SimulatorConfig) -> str:
    """Why X would not return to an address after signing in; empty when it would."""
    if config.callback_urls:
        return "" if url in config.callback_urls else "it is not one of the app's callback URLs"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "it is no address"
    scheme = parts.scheme.lower()
    if not scheme or scheme in _FORBIDDEN or any(sign.isspace() for sign in url):
        return "it has no scheme that is allowed"
    if scheme == "https" or scheme != "http":
        return "" if host or scheme != "https" else "it names no host"
    # for a bot on the same machine X wants the number, not the name
    return "" if is_loopback(host) and "localhost" not in host else "use https, or http://127.0.0.1"


def with_query(url: str, **more: str) -> str:
    """An address with further parameters."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(more)}"


def redirect(url: str, **headers: str) -> Answer:
    """Send the browser somewhere else."""
    return Answer(status=302, text="", headers={"location": url, "cache-control": "no-store", **headers})


def decision(parts: Parts, call: Call, subject: str) -> tuple[bool, User] | None:
    """What a page's form says: allowed or not, and by whom; ``None`` when it is not from the page."""
    form = call.form()
    origin = call.headers.get("origin", "")
    if origin and urlsplit(origin).netloc != call.headers.get("host"):
        return None
    if call.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return None
    user = parts.world.users.get(form.get("user", ""))
    if not parts.signins.use_form_key(form.get("form_key", ""), subject) or user is None:
        return None
    return form.get("decision") == "allow", user


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page on which a user decides.

    :param action: where its form goes.
    :param subject: what the form's key is for.
    :param abilities: what the app will be able to do.
    :param returns_to: where the browser goes afterwards; empty when nowhere.
    :param preset: the user that is chosen at first, by id or handle.
    """

    action: str
    subject: str
    abilities: Iterable[str]
    hidden: Mapping[str, str]
    returns_to: str = ""
    preset: str = ""

    def show(self, parts: Parts) -> Answer:
        """The page."""
        users = _offered(parts)
        chosen = parts.world.find(self.preset) or users[0]
        hidden = {"form_key": parts.signins.form_key(self.subject), **self.hidden}
        rows = "".join(
            f'<label><input type="radio" name="user" value="{_escape(user.id)}"'
            f"{' checked' if user.id == chosen.id else ''}> {_escape(user.name)} "
            f"<span>@{_escape(user.username)}</span></label>"
            for user in users
        )
        body = (
            f"<h1>Authorize {_escape(parts.config.app_name)} to access your account?</h1>"
            f'<form method="post" action="{_escape(self.action)}">'
            + "".join(
                f'<input type="hidden" name="{_escape(name)}" value="{_escape(value)}">'
                for name, value in hidden.items()
            )
            + f"<fieldset><legend>Sign in as</legend>{rows}</fieldset>"
            + "<h2>This app will be able to:</h2><ul>"
            + "".join(f"<li>{_escape(line)}</li>" for line in self.abilities)
            + '</ul><button name="decision" value="allow">Authorize app</button> '
            '<button name="decision" value="deny">Cancel</button></form>'
        )
        return _html(parts, "Authorize an app", body, returns_to=self.returns_to)


def message_page(parts: Parts, title: str, text: str, *, status: int = 200, code: str = "") -> Answer:
    """A page that only says something; ``code`` is shown large."""
    shown = f"<p><code>{_escape(code)}</code></p>" if code else ""
    return _html(parts, title, f"<h1>{_escape(title)}</h1>{shown}<p>{_escape(text)}</p>", status=status)


_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;"
    "color:#0f1419;background:#fff}h1{font-size:1.4rem}h2{font-size:1rem}fieldset{border:1px solid #ccd6dd;"
    "border-radius:.5rem}label{display:block;padding:.2rem}span,footer{color:#536471}button{font:inherit;"
    "padding:.4rem 1.2rem;border-radius:2rem;border:1px solid #536471}code{font-size:2rem}"
)


def _html(parts: Parts, title: str, body: str, *, status: int = 200, returns_to: str = "") -> Answer:
    nonce = parts.tokens.make(64)
    # a browser follows a form's redirect only to where the policy allows forms to go
    match = _ORIGIN.match(returns_to)
    target = f" {match[0]}" if match else ""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'{target}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style nonce="{nonce}">{_STYLE}</style><main>{body}</main>'
        "<footer>This is the simulated X on your own machine.</footer></html>"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        # stricter, browsers would hide from us that the form comes from this page
        "referrer-policy": "same-origin",
    }
    return Answer(status=status, text=text, content_type="text/html; charset=utf-8", headers=headers)


def _offered(parts: Parts) -> list[User]:
    """Everybody, the bot first."""
    bot = parts.config.bot_id
    return sorted(parts.world.users.values(), key=lambda user: user.id != bot)


def _escape(text: Any) -> str:
    return html.escape(str(text), quote=True)
