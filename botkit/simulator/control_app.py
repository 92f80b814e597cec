"""The control API's other half: what changes at X's side of a set-up, and breaks it.

A webhook that became invalid, subscriptions that are gone, tokens that end or lack something, X's clock: what
`botkit doctor` has to name, and what a running bot has to notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from aiohttp import web

from botkit.simulator import views
from botkit.simulator.asked import Refusal, body_of, flag, guarded, posted, text_of
from botkit.simulator.config import Permission
from botkit.simulator.scopes import SCOPES
from botkit.simulator.streams import End
from botkit.simulator.webhooks import ENTERPRISE, PREMIUM, V2

if TYPE_CHECKING:
    from collections.abc import Callable

    from botkit.simulator.endpoint import Parts
    from botkit.simulator.things import User
    from botkit.simulator.webhooks import Webhook

__all__ = ["AppControl"]


class AppControl:
    """Answers the part of ``/_sim/…`` that is about the app, its webhooks and tokens."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        posts: dict[str, Callable[[dict[str, Any]], Any]] = {
            "webhook": self._webhook,
            "invalidate": self._invalidate,
            "drop": self._drop,
            "permission": self._permission,
            "scopes": self._scopes,
            "expire": self._expire,
            "bearer": self._bearer,
            "stream": self._stream,
        }
        return [
            *(web.post(f"/_sim/{name}", posted(act)) for name, act in posts.items()),
            web.post("/_sim/crc", guarded(self._crc)),
            web.get("/_sim/rules", guarded(self._rules)),
            web.put("/_sim/rules", guarded(self._set_rules)),
        ]

    # -- the package -------------------------------------------------------------------------------------

    async def _rules(self, _request: web.Request) -> Any:
        return self._parts.rules.state()

    async def _set_rules(self, request: web.Request) -> Any:
        try:
            self._parts.rules.change(await body_of(request))
        except ValueError as problem:
            raise Refusal(str(problem)) from None
        return self._parts.rules.state()

    # -- webhooks ----------------------------------------------------------------------------------------

    def _webhook(self, body: dict[str, Any]) -> Any:
        """A webhook that somebody else registered: ``{url, product?}``; nobody is challenged.

        The quota holds for it, too: the oldest are gone for it.
        """
        product = text_of(body, "product", V2)
        premium = product.removeprefix(PREMIUM) if product.startswith(PREMIUM) else ""
        if product not in {V2, ENTERPRISE} and premium not in self._parts.config.environments:
            raise Refusal(f"product is {V2}, {ENTERPRISE}, or {PREMIUM} and the name of an environment")
        webhooks, url = self._parts.webhooks, text_of(body, "url")
        for old in webhooks.over_quota(product):
            self._parts.subscriptions.drop_webhook(webhooks.delete(old.id, product).id)
        hook = webhooks.put(url, product)
        return {**hook.public(), "product": hook.product}

    def _invalidate(self, body: dict[str, Any]) -> Any:
        """``{webhook_id?}``: a webhook, or all, is invalid until it is validated by hand."""
        hooks = self._chosen(body)
        for hook in hooks:
            self._parts.webhooks.invalidate(hook)
        return {"webhooks": [hook.public() for hook in hooks]}

    async def _crc(self, _request: web.Request) -> Any:
        """The periodic round of challenges, now."""
        await self._parts.webhooks.check_all()
        return {"webhooks": [hook.public() for hook in self._parts.webhooks.all()]}

    def _chosen(self, body: dict[str, Any]) -> list[Webhook]:
        webhook_id = text_of(body, "webhook_id", "")
        found = [hook for hook in self._parts.webhooks.all() if webhook_id in {"", hook.id}]
        if not found:
            raise Refusal("there is no such webhook" if webhook_id else "no webhook is registered")
        return found

    # -- subscriptions -----------------------------------------------------------------------------------

    def _drop(self, body: dict[str, Any]) -> Any:
        """``{subscription_id?, user?, event_type?}``: X forgets the subscriptions that fit."""
        wanted_id, event_type = text_of(body, "subscription_id", ""), text_of(body, "event_type", "")
        user_id = self._user(body).id if "user" in body else ""
        subscriptions = self._parts.subscriptions
        chosen = [
            one.id
            for one in subscriptions.activity.values()
            if wanted_id in {"", one.id}
            and event_type in {"", one.event_type}
            and user_id in {"", one.filter.get("user_id", "")}
        ]
        for one in chosen:
            subscriptions.remove(one)
        accounts = 0
        if not wanted_id and not event_type:
            for users in subscriptions.accounts.values():
                for one in [one for one in users if user_id in {"", one}]:
                    del users[one]
                    accounts += 1
        return {"activity": len(chosen), "account_activity": accounts}

    # -- tokens ------------------------------------------------------------------------------------------

    def _permission(self, body: dict[str, Any]) -> Any:
        """``{level, user?}``: the permission that a user's OAuth 1.0a tokens were issued with."""
        wanted, user = text_of(body, "level"), self._user(body)
        for level in get_args(Permission):
            if level == wanted:
                self._parts.tokens.set_permission(user.id, level)
                return {**views.user(user), "permission": level}
        raise Refusal(f"level is one of {', '.join(get_args(Permission))}")

    def _scopes(self, body: dict[str, Any]) -> Any:
        """``{scopes, user?}``: what a user's OAuth 2.0 tokens allow."""
        wanted = body.get("scopes")
        if not isinstance(wanted, list) or not all(isinstance(one, str) and one in SCOPES for one in wanted):
            raise Refusal(f"scopes is a list of these: {', '.join(SCOPES)}")
        user = self._user(body)
        self._parts.tokens.set_scopes(user.id, frozenset(wanted))
        return {**views.user(user), "scopes": wanted}

    def _expire(self, body: dict[str, Any]) -> Any:
        """``{user?, refresh?}``: a user's OAuth 2.0 access tokens are over; with ``refresh`` those, too."""
        user, refresh = self._user(body), flag(body, "refresh", default=False)
        expired = self._parts.tokens.expire(user.id)
        if refresh:
            self._parts.tokens.end_grants(user.id)
        return {**views.user(user), "expired": expired}

    def _bearer(self, _body: dict[str, Any]) -> Any:
        """The app's own token is over; whoever asks gets a new one."""
        self._parts.tokens.end_bearer()
        return {}

    def _user(self, body: dict[str, Any]) -> User:
        name = text_of(body, "user", self._parts.config.bot.id)
        user = self._parts.world.find(name)
        if user is None:
            raise Refusal(f"there is no user {name}")
        return user

    # -- the stream --------------------------------------------------------------------------------------

    def _stream(self, body: dict[str, Any]) -> Any:
        """``{do}``: ``disconnect`` with X's line, ``cut`` without a word, ``stall``: silent, but open."""
        what = text_of(body, "do")
        for known in get_args(End):
            if what == known:
                return {"connections": self._parts.streams.end(known)}
        raise Refusal(f"do is one of {', '.join(get_args(End))}")
