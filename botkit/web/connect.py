"""``/connect``: the owner of an account sees what the bot would do, signs in with X, and comes back.

What keeps strangers out, in the order in which it is checked when somebody comes back:

- **The cookie.** A sign-in is remembered in the browser that began it, sealed with the bot's key (see
  `botkit.network.keys`), for ten minutes. Somebody else's verifier or code, sent to a victim as a link,
  meets another cookie or none.
- **The state.** OAuth 2.0's ``state`` is sealed by the bot and names the sign-in in the cookie; OAuth 1.0a
  has none, there the request token that X names must be the cookie's.
- **Once.** The sign-in is held as a named lease in the store, by whichever process is first.
- **PKCE**, or the request token's secret: what came back is worth nothing without what the cookie holds.

The form that begins a sign-in carries a sealed key that names the browser's own cookie. Addresses are those
of bot.yaml, never those of a request, so nobody is sent elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError, UserError, XError
from botkit.network.accounts import Accounts
from botkit.network.flows import Begun, Flows, How, SignInRefused
from botkit.network.keys import KeyRing, Unreadable
from botkit.network.vault import Account, Keeper
from botkit.web.pages import connect_page, message_page
from botkit.x.scopes import in_words

__all__ = ["Connect", "ConnectSettings"]

PATH: Final = "/connect"
CALLBACK: Final = f"{PATH}/callback"

#: how long a sign-in may take
_TTL_S: Final = 600
#: how long the page may stand open before its button is pressed
_PAGE_TTL_S: Final = 3600
#: sign-ins that may begin a minute, in each process: X limits how often it is asked
_A_MINUTE: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectSettings:
    """How the page works.

    :param url: where this server is for browsers, without a path; asked for with each request, since a free
        port is known late.
    :param scopes: what is asked for, and shown in words.
    :param allow: handles (lower case, without @) and ids of those who may connect; ``None``: anyone.
    :param targets: origins of X's sign-in pages.
    """

    url: Callable[[], str]
    how: How
    scopes: tuple[str, ...]
    allow: frozenset[str] | None
    targets: tuple[str, ...]

    def may(self, account: Account) -> bool:
        """Whether the account may connect."""
        if self.allow is None:
            return True
        return account.id in self.allow or account.username.lower() in self.allow


class _Remembered(msgspec.Struct):
    """What the browser keeps, sealed."""

    id: str
    browser: str
    how: str
    redirect_uri: str
    token: str
    secret: str

    @property
    def begun(self) -> Begun:
        how: How = "oauth2" if self.how == "oauth2" else "oauth1"
        return Begun(how, "", self.redirect_uri, self.token, self.secret)


class _Turned(Exception):
    """A request that is turned away, with the page that says so."""

    def __init__(self, reason: str, page: web.Response) -> None:
        super().__init__(reason)
        self.page = page


class Connect:
    """The page.

    :param keeper: remembers which sign-ins were used, for all processes.
    :param now: Unix seconds.
    """

    def __init__(
        self,
        flows: Flows,
        accounts: Accounts,
        ring: KeyRing,
        keeper: Keeper,
        settings: ConnectSettings,
        *,
        log: FilteringBoundLogger,
        now: Callable[[], float] = time,
    ) -> None:
        self._flows = flows
        self._accounts = accounts
        self._ring = ring
        self._keeper = keeper
        self._settings = settings
        self._log = log
        self._now = now
        self._begun: deque[float] = deque(maxlen=_A_MINUTE)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the page and what X sends people back to."""
        router.add_get(PATH, self._told(self.show))
        router.add_post(PATH, self._told(self.begin))
        router.add_get(CALLBACK, self._told(self.come_back), allow_head=False)

    def _told(self, handler: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        """Let what goes wrong become a page and a line in the log."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                response: web.StreamResponse = await handler(request)
            except _Turned as turned:
                self._log.info("sign_in_refused", reason=str(turned), remote=request.remote)
                response = turned.page
            except XError as error:
                self._log.warning("sign_in_failed", error=str(error))
                text = "X could not be asked just now. Nothing was connected."
                response = message_page("Try again later", text, status=502, again=PATH)
            except (UserError, StoreError) as error:
                self._log.error("sign_in_failed", error=str(error))
                text = (
                    "Something is wrong with this bot's set-up. Whoever runs it finds the reason in its log."
                )
                response = message_page("This bot can't connect accounts now", text, status=503)
            return response

        return handle

    # -- the page ----------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Say what the bot would be able to do."""
        base = self._settings.url()
        if _is_localhost(request.host) and (urlsplit(base).hostname or "") == "127.0.0.1":
            # X takes only the number as callback, and a cookie of one name is not sent to the other
            return web.Response(status=307, headers={"location": base + PATH, "cache-control": "no-store"})
        browser = self._browser(request) or secrets.token_urlsafe(24)
        page = connect_page(
            abilities=in_words(self._settings.scopes),
            form_key=self._sealed("connect-form", browser.encode()),
            action=PATH,
            targets=self._settings.targets,
        )
        self._set_cookie(page, self._browser_cookie, browser, _PAGE_TTL_S)
        return page

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Begin a sign-in and send the browser to X."""
        form = await request.post()
        browser = self._browser(request)
        if not self._is_from_page(request, str(form.get("form_key", "")), browser):
            raise self._turned(
                "the form is not from the page",
                "This button was not pressed on this bot's own page, or the page stood open for too long.",
            )
        now = self._now()
        if len(self._begun) == _A_MINUTE and now - self._begun[0] < 60.0:
            raise _Turned(
                "too many sign-ins",
                message_page(
                    "Try again in a minute", "Too many people are signing in.", status=429, again=PATH
                ),
            )
        self._begun.append(now)
        sign_in_id, redirect_uri = secrets.token_hex(16), self._settings.url() + CALLBACK
        if self._settings.how == "oauth2":
            state = self._sealed("connect-state", sign_in_id.encode())
            begun = self._flows.begin_oauth2(redirect_uri, self._settings.scopes, state=state)
        else:
            begun = await self._flows.begin_oauth1(redirect_uri)
        remembered = _Remembered(
            sign_in_id, browser, begun.how, begun.redirect_uri, begun.token, begun.secret
        )
        response = web.Response(status=303, headers={"location": begun.url, "cache-control": "no-store"})
        sealed = self._sealed("connect-sign-in", msgspec.msgpack.encode(remembered))
        self._set_cookie(response, self._sign_in_cookie, sealed, _TTL_S)
        return response

    def _is_from_page(self, request: web.Request, form_key: str, browser: str) -> bool:
        origin = request.headers.get("origin", "null")
        if origin != "null" and origin.lower() != _origin(self._settings.url()).lower():
            return False
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        try:
            named = self._ring.keys().open("connect-form", form_key.encode(), ttl_s=_PAGE_TTL_S)
        except Unreadable:
            return False
        return bool(browser) and hmac.compare_digest(named, browser.encode())

    # -- coming back -------------------------------------------------------------------------------------

    async def come_back(self, request: web.Request) -> web.StreamResponse:
        """Complete a sign-in: check, exchange, store, have it subscribed, and say so."""
        given = _parameters(request)
        remembered = self._remembered(request)
        self._check_state(given, remembered)
        if not await self._keeper.hold(f"sign-in:{remembered.id}", secrets.token_hex(8), 2 * _TTL_S):
            raise self._turned(
                "a callback that was used already", "This sign-in was completed or ended already."
            )
        if "denied" in given or "error" in given:
            raise _Turned(
                "its owner said no",
                message_page("Nothing was connected", "You said no at X.", status=403, again=PATH),
            )
        account = await self._finish(remembered, given)
        if not self._settings.may(account):
            left = await self._accounts.end(account)
            self._log.warning(
                "sign_in_not_allowed", account=account.id, username=account.username, not_ended=left
            )
            text = f"@{account.username} is not among the accounts that may connect. Nothing was kept."
            raise _Turned("the account may not connect", message_page("Not this account", text, status=403))
        response = await self._welcome(account)
        response.del_cookie(self._sign_in_cookie, path="/", secure=self._secure, httponly=True)
        return response

    async def _finish(self, remembered: _Remembered, given: dict[str, str]) -> Account:
        begun = remembered.begun
        try:
            if begun.how == "oauth2":
                return await self._flows.finish_oauth2(begun, code=given.get("code", ""))
            return await self._flows.finish_oauth1(
                begun, token=given.get("oauth_token", ""), verifier=given.get("oauth_verifier", "")
            )
        except SignInRefused as refused:
            raise self._turned(str(refused), "X does not accept what came back.") from refused

    async def _welcome(self, account: Account) -> web.Response:
        name = f"@{account.username}" if account.username else f"account {account.id}"
        try:
            await self._accounts.connected(account)
        except (UserError, XError) as error:
            if await self._accounts.get(account.id) is None:
                raise
            self._log.error("account_not_subscribed", account=account.id, error=str(error))
            text = (
                f"{name} is connected. X did not let the bot subscribe to its events yet; "
                "whoever runs the bot finds the reason in its log."
            )
            return message_page("Almost done", text)
        self._tell_scopes(account)
        return message_page("Connected", f"{name} is connected. You can close this page.")

    def _tell_scopes(self, account: Account) -> None:
        if account.oauth2 is None or not account.oauth2.scopes:
            return
        missing = [scope for scope in self._settings.scopes if scope not in account.oauth2.scopes]
        if missing:
            self._log.warning("scopes_not_granted", account=account.id, missing=missing)

    def _remembered(self, request: web.Request) -> _Remembered:
        try:
            sealed = request.cookies.get(self._sign_in_cookie, "")
            opened = self._ring.keys().open("connect-sign-in", sealed.encode(), ttl_s=_TTL_S)
            remembered = msgspec.msgpack.decode(opened, type=_Remembered)
        except (Unreadable, msgspec.MsgspecError):
            raise self._turned(
                "no sign-in was begun in this browser",
                "This sign-in did not begin in this browser, or it took longer than ten minutes.",
            ) from None
        browser = self._browser(request)
        if not browser or not hmac.compare_digest(remembered.browser.encode(), browser.encode()):
            raise self._turned(
                "the cookies are not of one browser", "This sign-in did not begin in this browser."
            )
        return remembered

    def _check_state(self, given: dict[str, str], remembered: _Remembered) -> None:
        """What came back belongs to the sign-in that the browser remembers."""
        if remembered.how == "oauth2":
            try:
                named = self._ring.keys().open("connect-state", given.get("state", "").encode(), ttl_s=_TTL_S)
            except Unreadable:
                named = b""
            right = remembered.id.encode()
        else:
            named = (given.get("oauth_token") or given.get("denied") or "").encode()
            right = remembered.token.encode()
        if not hmac.compare_digest(named, right):
            raise self._turned(
                "what came back belongs to another sign-in",
                "What came back from X does not belong to the sign-in that began in this browser.",
            )

    # -- cookies -----------------------------------------------------------------------------------------

    @property
    def _secure(self) -> bool:
        return self._settings.url().startswith("https://")

    @property
    def _browser_cookie(self) -> str:
        """Which browser it is. With the prefix no other host, and no plain http, can set it."""
        return "__Host-botkit_browser" if self._secure else "botkit_browser"

    @property
    def _sign_in_cookie(self) -> str:
        return "__Host-botkit_sign_in" if self._secure else "botkit_sign_in"

    def _browser(self, request: web.Request) -> str:
        return request.cookies.get(self._browser_cookie, "")

    def _set_cookie(self, response: web.StreamResponse, name: str, value: str, max_age_s: int) -> None:
        # Lax: sent along when X sends the browser back, and by no request that another page makes.
        response.set_cookie(
            name, value, max_age=max_age_s, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )

    def _sealed(self, purpose: str, value: bytes) -> str:
        return self._ring.keys().seal(purpose, value).decode("ascii")

    @staticmethod
    def _turned(reason: str, text: str) -> _Turned:
        page = message_page(
            "This sign-in can't be completed", f"{text} Nothing was connected.", status=400, again=PATH
        )
        return _Turned(reason, page)


def _parameters(request: web.Request) -> dict[str, str]:
    """The query, where a name that comes twice counts as not there."""
    return {name: values[0] for name in request.query if len(values := request.query.getall(name)) == 1}


def _origin(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


def _is_localhost(host: str) -> bool:
    return host.partition(":")[0].lower() == "localhost"
