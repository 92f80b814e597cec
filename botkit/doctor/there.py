"""What X has: the webhook, the subscriptions, what is left of its limits."""

from __future__ import annotations

from datetime import UTC, datetime

from botkit.config import Config
from botkit.doctor.explain import explained
from botkit.doctor.patient import Patient
from botkit.doctor.result import Failed, Result, ok, warning
from botkit.errors import InvalidRequest, XError
from botkit.network.lifecycle import NotSo, list_subscriptions, wanted
from botkit.roles.keeping import is_managed

__all__ = ["limits", "subscriptions", "webhook"]

#: webhooks that X takes: of each premium environment, of an app on pay-per-use, of enterprise at the least
#: (Source: X docs, account-activity/introduction)
_PREMIUM, _PAY_PER_USE, _ENTERPRISE = 1, 1, 5
_LITTLE = 0.1
_RUN = "run the bot (botkit run)"


async def webhook(patient: Patient) -> Result:
    """X has a valid webhook at our address."""
    calls, config = patient.product.webhooks, patient.config
    if calls is None:
        return ok("delivery: activity_stream needs none")
    try:
        there = await patient.client.do(calls.list_all())
    except XError as error:
        if config.x.delivery == "premium" and (200 in error.codes or isinstance(error, InvalidRequest)):
            raise Failed(
                f"X knows no environment {config.x.environment}, or it is not in the app's package",
                "write x.environment as the developer portal shows it: upper and lower case count",
            ) from error
        raise explained(error, "for the list of webhooks") from error
    for each in there:
        if each.url == patient.webhook_url:
            patient.webhook = each
            if not each.valid:
                raise Failed(
                    f"X has taken webhook {each.id} out of service, and delivers nothing",
                    f"mend what is failed above, then run botkit webhook check {each.id}: X looks again",
                )
            return ok(f"webhook {each.id} is valid at X")
    quota = _quota(config)
    if len(there) >= quota:
        taken = ", ".join(f"{each.url} (id {each.id})" for each in there)
        raise Failed(
            f"X has no webhook at {patient.webhook_url}, and its quota of {quota} is taken by {taken}",
            f"remove that one (botkit webhook remove {there[0].id}), or use its address in server.public_url",
        )
    reason = is_managed(config)
    return warning(
        "X has no webhook at this address yet",
        f"botkit leaves it to you: {reason}" if reason else f"{_RUN}: it registers one",
    )


def _quota(config: Config) -> int:
    if config.x.delivery == "premium":
        return _PREMIUM
    enterprise = "enterprise" in {config.x.delivery, config.x.package}
    return _ENTERPRISE if enterprise else _PAY_PER_USE


async def subscriptions(patient: Patient) -> Result:
    """X has every subscription that the plugins need, for every account."""
    whole = patient.product.whole
    if whole is None:
        return await _single(patient)
    if patient.webhook is None:
        return warning("there are none without a webhook", f"{_RUN}: it makes them")
    try:
        there = await patient.client.do(whole.users(patient.webhook.id))
        left = await patient.client.do(whole.count())
    except XError as error:
        raise explained(error, "for the list of subscriptions") from error
    missing = [each for each in patient.account_ids if each not in there]
    if missing:
        full = left.provisioned is not None and left.active is not None and left.active >= left.provisioned
        quota = f"; X's quota of {left.provisioned} is used up" if full else ""
        raise Failed(
            f"X has no subscription of account {', '.join(missing)}{quota}",
            "end another one (botkit subscription list)" if full else _make(patient),
        )
    return ok(f"{len(there)} there" + (f", of {left.provisioned}" if left.provisioned else ""))


async def _single(patient: Patient) -> Result:
    try:
        there = await list_subscriptions(patient.client)
    except NotSo as error:
        if isinstance(error.__cause__, XError):
            raise explained(error.__cause__, "for the list of subscriptions") from error
        raise Failed(str(error), "try again later") from error
    needed = wanted(patient.hooks.needed_events(), patient.account_ids, patient.config.x.keywords)
    webhook_id = patient.webhook.id if patient.webhook is not None else ""
    got = {
        (each.event_type, each.user_id, each.keyword)
        for each in there
        if not each.direction and (not webhook_id or each.webhook_id == webhook_id)
    }
    missing = [each for each in needed if (each.event_type, each.user_id, each.keyword) not in got]
    if missing:
        kinds = ", ".join(dict.fromkeys(each.event_type for each in missing))
        line = f"X lacks {len(missing)} of {len(needed)} subscriptions: {kinds}"
        if patient.product.webhooks is not None and patient.webhook is None:
            return warning(line, f"{_RUN}: it makes them with the webhook")
        raise Failed(line, _make(patient))
    return ok(f"all {len(needed)} that the plugins need are there")


def _make(patient: Patient) -> str:
    reason = is_managed(patient.config)
    if reason:
        return f"botkit leaves them to you: {reason}; botkit subscription add makes them"
    return f"{_RUN}: it makes them at its start, and says in its log what X refuses"


async def limits(patient: Patient) -> Result:
    """None of X's windows that were met is about to close."""
    closed: list[str] = []
    low: list[str] = []
    for what, limit in patient.listener.limits.items():
        if limit.remaining > limit.limit * _LITTLE:
            continue
        at = datetime.fromtimestamp(limit.reset_at, UTC)
        (low if limit.remaining else closed).append(
            f"{what}: {limit.remaining} of {limit.limit} left until {at:%H:%M} UTC"
        )
    fix = "let the bot ask less often, or wait"
    if closed:
        raise Failed("; ".join(closed), fix)
    if low:
        return warning("; ".join(low), fix)
    count = len(patient.listener.limits)
    return ok(f"{count} of X's windows met, none near its end" if count else "X named none")
