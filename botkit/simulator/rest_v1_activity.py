"""Account Activity v1.1, enterprise and premium: webhooks, subscriptions, replay.

Both are the same calls under other paths; a premium environment has one webhook, so its paths name none.

Source: X's enterprise page (removed 2026-05-04) and premium reference (removed before); live where said.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import APP, OAUTH1
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import ApiError, v1_error
from botkit.simulator.replay import ReplayRefused, minute
from botkit.simulator.webhooks import ENTERPRISE, PREMIUM, CrcResult, Webhook, WebhookRefused
from botkit.simulator.wire_v2 import iso

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENDPOINTS"]

_REACH_S = 5 * 86_400.0
#: subscriptions that an enterprise app has (Source: X docs, account-activity/introduction)
_ENTERPRISE_LIMIT = 5000

_URL = "Webhook URL does not meet the requirements."
_FULL = "Too many resources already created."
_CRC = {
    "slow": "High latency on CRC GET request. Your webhook should respond in less than 3 seconds.",
    "status": "Non-200 response code during CRC GET request (i.e. 404, 500, etc).",
    "connection": "Non-200 response code during CRC GET request (i.e. 404, 500, etc).",
}
_TOKEN = f"{_URL} Invalid CRC token or json response format."


def _product(parts: Parts, call: Call) -> str:
    """Which of the two a call is for.

    :raises ApiError: 403 with code 200: not in the package, or no such environment.
    """
    environment = call.path.get("environment")
    if not parts.rules.v1_allowed or (
        environment is not None and environment not in parts.config.environments
    ):
        raise v1_error(403, 200, "Forbidden.")
    return ENTERPRISE if environment is None else f"{PREMIUM}{environment}"


def _hook(parts: Parts, call: Call) -> Webhook:
    """The webhook of the path, or the one of the environment.

    :raises ApiError: 404 with code 34.
    """
    product = _product(parts, call)
    webhook_id = call.path.get("webhook_id")
    found = [hook for hook in parts.webhooks.all(product) if webhook_id in {None, hook.id}]
    if not found:
        raise v1_error(404, 34, "Sorry, that page does not exist.")
    return found[0]


def _as_owner(parts: Parts, call: Call) -> None:
    """Webhooks are registered with the app owner's tokens: the bot's own account."""
    if call.caller.user_id != parts.config.bot_id:
        raise v1_error(403, 261, "Application cannot perform write actions.")


def _shown(hook: Webhook) -> dict[str, Any]:
    """Premium was seen to write the time its own way; the documents show ``created_at``."""
    made = {"id": hook.id, "url": hook.url, "valid": hook.valid}
    if hook.product == ENTERPRISE:
        return {**made, "created_at": iso(hook.created_at)}
    moment = datetime.fromtimestamp(hook.created_at, UTC)
    return {**made, "created_timestamp": f"{moment:%Y-%m-%d %H:%M:%S} +0000"}


def _refusal(refused: WebhookRefused, product: str) -> ApiError:
    """Code 214: 403 by the enterprise page, 400 as seen of premium."""
    status = 403 if product == ENTERPRISE else 400
    if refused.name == "WebhookIdInvalid":
        return v1_error(404, 34, "Sorry, that page does not exist.")
    if refused.name == "UrlValidationFailed":
        return v1_error(status, 214, _URL)
    if refused.name == "CrcValidationFailed":
        return v1_error(status, 214, _crc_words(refused.result))
    return v1_error(status, 214, _FULL)


def _crc_words(result: CrcResult | None) -> str:
    return _CRC.get(result.cause, _TOKEN) if result is not None else _TOKEN


# -- webhooks ------------------------------------------------------------------------------------------------


async def create(parts: Parts, call: Call) -> Answer:
    """``POST …/webhooks.json?url=``."""
    product = _product(parts, call)
    _as_owner(parts, call)
    url = call.query.get("url", "") or call.body.get("url", "")
    try:
        return Answer(_shown(await parts.webhooks.register(url, product)))
    except WebhookRefused as refused:
        raise _refusal(refused, product) from None


async def list_all(parts: Parts, call: Call) -> Answer:
    """``GET …/webhooks.json``: a bare array."""
    return Answer([_shown(hook) for hook in parts.webhooks.all(_product(parts, call))])


async def list_environments(parts: Parts, _call: Call) -> Answer:
    """``GET /1.1/account_activity/all/webhooks.json``: premium's of all environments."""
    if not parts.rules.v1_allowed:
        raise v1_error(403, 200, "Forbidden.")
    environments = [
        {
            "environment_name": name,
            "webhooks": [_shown(hook) for hook in parts.webhooks.all(f"{PREMIUM}{name}")],
        }
        for name in parts.config.environments
    ]
    return Answer({"environments": environments})


async def validate(parts: Parts, call: Call) -> Answer:
    """``PUT …/webhooks/:webhook_id.json``."""
    hook = _hook(parts, call)
    _as_owner(parts, call)
    try:
        await parts.webhooks.validate(hook.id, hook.product)
    except WebhookRefused as refused:
        raise _refusal(refused, hook.product) from None
    return Answer()


async def delete(parts: Parts, call: Call) -> Answer:
    """``DELETE …/webhooks/:webhook_id.json``."""
    hook = _hook(parts, call)
    _as_owner(parts, call)
    parts.subscriptions.drop_webhook(parts.webhooks.delete(hook.id, hook.product).id)
    return Answer()


# -- subscriptions -------------------------------------------------------------------------------------------


async def subscribe(parts: Parts, call: Call) -> Answer:
    """``POST …/subscriptions.json``, as the user that is subscribed."""
    hook = _hook(parts, call)
    premium = hook.product != ENTERPRISE
    if call.caller.user_id in parts.subscriptions.accounts.get(hook.id, {}):
        # X's status was not recorded; 409 with this code is a replay that is running
        raise v1_error(403, 355, "Subscription already exists.")
    among = {one.id for one in parts.webhooks.all(hook.product)}
    limit = parts.rules.premium_limit if premium else _ENTERPRISE_LIMIT
    try:
        parts.subscriptions.subscribe(hook.id, call.caller.user_id, limit=limit, among=among)
    except ApiError:
        raise v1_error(400 if premium else 403, 214, _FULL) from None
    return Answer()


async def check(parts: Parts, call: Call) -> Answer:
    """``GET …/subscriptions.json``: 204 when the user is subscribed."""
    _subscribed(parts, _hook(parts, call), call.caller.user_id)
    return Answer()


async def unsubscribe_me(parts: Parts, call: Call) -> Answer:
    """``DELETE …/subscriptions.json``, as the user; deprecated."""
    return _unsubscribed(parts, call, call.caller.user_id)


async def unsubscribe(parts: Parts, call: Call) -> Answer:
    """``DELETE …/subscriptions/:user_id.json``, as the app."""
    return _unsubscribed(parts, call, call.path["user_id"])


def _unsubscribed(parts: Parts, call: Call, user_id: str) -> Answer:
    hook = _hook(parts, call)
    _subscribed(parts, hook, user_id)
    parts.subscriptions.unsubscribe(hook.id, user_id)
    return Answer()


def _subscribed(parts: Parts, hook: Webhook, user_id: str) -> None:
    if user_id not in parts.subscriptions.accounts.get(hook.id, {}):
        raise v1_error(404, 34, "Sorry, that page does not exist.")


async def list_users(parts: Parts, call: Call) -> Answer:
    """``GET …/subscriptions/list.json``."""
    hook = _hook(parts, call)
    users = [{"user_id": user_id} for user_id in parts.subscriptions.accounts.get(hook.id, {})]
    where = (
        {"webhook_id": hook.id, "webhook_url": hook.url}
        if hook.product == ENTERPRISE
        else {"environment": call.path["environment"]}
    )
    return Answer({**where, "application_id": parts.config.app_id, "subscriptions": users})


async def count(parts: Parts, _call: Call) -> Answer:
    """``GET /1.1/account_activity/subscriptions/count.json``: the numbers are texts."""
    if not parts.rules.v1_allowed:
        raise v1_error(403, 200, "Forbidden.")
    return Answer(
        {
            "account_name": parts.config.app_name,
            "subscriptions_count_all": str(_count(parts, ENTERPRISE)),
            "subscriptions_count_direct_messages": "0",
            "provisioned_count": str(_ENTERPRISE_LIMIT),
        }
    )


async def count_premium(parts: Parts, _call: Call) -> Answer:
    """``GET /1.1/account_activity/all/subscriptions/count.json``."""
    if not parts.rules.v1_allowed:
        raise v1_error(403, 200, "Forbidden.")
    return Answer(
        {
            "account_name": parts.config.app_name,
            "subscriptions_count": str(_count(parts, PREMIUM)),
            "provisioned_count": str(parts.rules.premium_limit),
        }
    )


def _count(parts: Parts, product: str) -> int:
    among = {hook.id for hook in parts.webhooks.all() if hook.product.startswith(product)}
    return parts.subscriptions.account_count(among)


# -- replay --------------------------------------------------------------------------------------------------


async def replay(parts: Parts, call: Call) -> Answer:
    """``POST …/replay/webhooks/:webhook_id/subscriptions/all.json``; ``to_date`` itself is not part of it."""
    if not parts.rules.replay_allowed:
        raise v1_error(403, 200, "Forbidden.")
    if call.path["webhook_id"].startswith("-"):
        raise v1_error(400, 360, "webhook_id: must be greater than or equal to 0")
    hook = _hook(parts, call)
    bounds: list[float] = []
    for name in ("from_date", "to_date"):
        if name not in call.query:
            raise v1_error(400, 357, f"{name}: queryParam is required")
        at = minute(call.query[name])
        if at is None:
            raise v1_error(400, 358, f"Unable to parse parameter {name}")
        bounds.append(at)
    try:
        job = await parts.replays.begin(hook, *bounds, reach_s=_REACH_S)
    except ReplayRefused as refused:
        raise _REPLAY[refused.cause](refused.reason) from None
    return Answer({"job_id": job.id, "created_at": iso(job.created_at)}, 202)


_REPLAY: dict[str, Callable[[str], ApiError]] = {
    "busy": lambda _: v1_error(409, 355, "A replay job is already in progress."),
    "crc": lambda reason: v1_error(
        400, 214, f"Webhook is marked as invalid and requires a CRC check. {reason}"
    ),
    "invalid": lambda _: v1_error(400, 214, "Webhook is marked as invalid and requires a CRC check."),
    "future": lambda reason: v1_error(400, 368, f"Not in the past: {reason}"),
    "order": lambda reason: v1_error(400, 356, reason),
    "old": lambda reason: v1_error(400, 356, reason),
}


_BASE = "/1.1/account_activity"
_ENV = f"{_BASE}/all/{{environment:[A-Za-z0-9_-]+}}"
_HOOK_ID = "{webhook_id:[0-9]{1,19}}"
_USER_ID = "{user_id:[0-9]{1,19}}"
_E_SUBS = f"{_BASE}/webhooks/{_HOOK_ID}/subscriptions/all"
_BAD_AUTH = (401, 32, "Could not authenticate you.")
_NO_WRITE = (403, 261, "Application cannot perform write actions.")
_NO_ACCESS = (403, 99, "You do not have access to this resource.")


def _by_user(method: str, path: str, window: str, act: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        window=window,
        accepts=OAUTH1,
        needs="messages",
        act=act,
        wrong_kind=_NO_WRITE,
    )


def _by_app(
    method: str, path: str, window: str, act: Any, wrong_kind: tuple[int, int, str] = _BAD_AUTH
) -> Endpoint:
    return Endpoint(method=method, path=path, window=window, accepts=APP, act=act, wrong_kind=wrong_kind)


# the fixed paths of premium come before those with an environment
ENDPOINTS = [
    _by_user("POST", f"{_BASE}/webhooks.json", "v1.webhook.create", create),
    _by_app("GET", f"{_BASE}/webhooks.json", "v1.webhook.list", list_all, _NO_ACCESS),
    _by_user("PUT", f"{_BASE}/webhooks/{_HOOK_ID}.json", "v1.webhook.validate", validate),
    _by_user("DELETE", f"{_BASE}/webhooks/{_HOOK_ID}.json", "v1.webhook.delete", delete),
    _by_user("POST", f"{_E_SUBS}.json", "v1.account.subscribe", subscribe),
    _by_user("GET", f"{_E_SUBS}.json", "v1.account.check", check),
    _by_user("DELETE", f"{_E_SUBS}.json", "v1.account.unsubscribe", unsubscribe_me),
    _by_app("GET", f"{_E_SUBS}/list.json", "v1.account.list", list_users),
    _by_app("GET", f"{_BASE}/subscriptions/count.json", "v1.account.count", count),
    _by_app(
        "DELETE",
        f"{_BASE}/webhooks/{_HOOK_ID}/subscriptions/{_USER_ID}/all.json",
        "v1.account.unsubscribe",
        unsubscribe,
    ),
    _by_app(
        "POST",
        f"{_BASE}/replay/webhooks/{{webhook_id:-?[0-9]{{1,19}}}}/subscriptions/all.json",
        "v1.replay",
        replay,
    ),
    _by_app("GET", f"{_BASE}/all/subscriptions/count.json", "v1.premium.count", count_premium),
    _by_app("GET", f"{_BASE}/all/count.json", "v1.premium.count", count_premium),
    Endpoint(
        method="GET",
        path=f"{_BASE}/all/webhooks.json",
        window="v1.premium.list",
        accepts=APP | OAUTH1,
        act=list_environments,
        wrong_kind=_NO_ACCESS,
    ),
    Endpoint(
        method="GET",
        path=f"{_ENV}/webhooks.json",
        window="v1.premium.list",
        accepts=APP | OAUTH1,
        act=list_all,
        wrong_kind=_NO_ACCESS,
    ),
    _by_user("POST", f"{_ENV}/webhooks.json", "v1.premium.create", create),
    _by_user("PUT", f"{_ENV}/webhooks/{_HOOK_ID}.json", "v1.premium.validate", validate),
    _by_user("DELETE", f"{_ENV}/webhooks/{_HOOK_ID}.json", "v1.premium.delete", delete),
    _by_user("POST", f"{_ENV}/subscriptions.json", "v1.premium.subscribe", subscribe),
    _by_user("GET", f"{_ENV}/subscriptions.json", "v1.premium.check", check),
    _by_user("DELETE", f"{_ENV}/subscriptions.json", "v1.premium.unsubscribe", unsubscribe_me),
    _by_app("GET", f"{_ENV}/subscriptions/list.json", "v1.premium.users", list_users),
    _by_app("DELETE", f"{_ENV}/subscriptions/{_USER_ID}.json", "v1.premium.unsubscribe", unsubscribe),
]
