"""X itself, the clock, and every credential: what X says of it, and what it may do."""

from __future__ import annotations

from collections.abc import Collection
from email.utils import parsedate_to_datetime

from botkit.doctor.explain import explained
from botkit.doctor.patient import Patient
from botkit.doctor.result import Failed, Result, ok, warning
from botkit.errors import (
    CreditsDepleted,
    Forbidden,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    UserError,
    XError,
    XUnavailable,
)
from botkit.events import ChatMessage, DirectMessage, DirectMessageRead, DirectMessageSent, Typing
from botkit.network.credentials import Bearer, Shown, app_basic
from botkit.network.vault import Account
from botkit.roles.accounts import scopes_of
from botkit.roles.own import listed_by_the_bot
from botkit.x.calls import dm, tokens, users, webhooks
from botkit.x.wire import Auth, Response

__all__ = ["account", "accounts", "app_token", "clock", "permission", "reach"]

#: X wants the clock right "within minutes" (Source: X docs, oauth-1-0a/creating-a-signature)
_WRONG_S, _UNUSUAL_S = 120.0, 30.0
_DM = frozenset({DirectMessage, DirectMessageSent, DirectMessageRead, Typing, ChatMessage})
#: the level that allows direct messages, as v1.1 answers tell it (Source: X docs, permissions)
_LEVEL = "x-access-level"
_ALL = "read-write-directmessages"
_RAISE = "set the app's permissions to Read, write and Direct Messages in the developer portal"
_PERMISSION_FIX = f"{_RAISE}, then make new access tokens (those that exist keep their level)"


class _Nobody:
    """No credential."""

    kind = Auth.NONE

    def header(self, _request: object, _url: str, _headers: dict[str, str]) -> str:
        """Nothing."""
        return ""


async def reach(patient: Patient) -> Result:
    """X answers at all. It is asked who we are without saying so: any answer will do."""
    url = patient.facing.api_url
    try:
        patient.answer = await patient.requests.send(users.me(), _Nobody())
    except (XUnavailable, OutcomeUnknown) as error:
        fix = (
            "start the bot, whose simulator it is: botkit run"
            if patient.config.network == "simulator"
            else "see to the network, the proxy and x.api_url"
        )
        raise Failed(f"X can't be reached at {url}: {error}", fix) from error
    if patient.answer.status >= 500:
        return warning(
            f"X answers at {url} with {patient.answer.status}", "it is in trouble: try again later"
        )
    return ok(f"answers at {url}")


async def clock(patient: Patient) -> Result:
    """This machine's clock is X's: signatures carry the time."""
    skew_s = _skew(patient.answer, patient.settings.now())
    if skew_s is None:
        return warning("X did not say what time it is", "see that this machine's clock is right (NTP)")
    way = "ahead of" if skew_s > 0 else "behind"
    line = f"this machine's clock is {abs(skew_s):.0f} s {way} X's"
    fix = "set it, and keep it right with NTP (timedatectl set-ntp true)"
    if abs(skew_s) > _WRONG_S:
        raise Failed(f"{line}, and X refuses signatures of another time", fix)
    return warning(line, fix) if abs(skew_s) > _UNUSUAL_S else ok(f"within {abs(skew_s):.0f} s of X's")


def _skew(answer: Response | None, now: float) -> float | None:
    """How far ahead our clock is; X's ``Date`` has whole seconds."""
    if answer is None:
        return None
    try:
        skew_s = now - parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    return 0.0 if 0.0 <= skew_s < 1.0 else skew_s


async def app_token(patient: Patient) -> Result:
    """X knows the app: it gives its bearer token, or takes the one of bot.yaml."""
    have = patient.facing.credentials
    if have.bearer_token:
        try:
            await patient.requests.do(webhooks.list_webhooks(), Bearer(have.bearer_token, Auth.APP))
        except Unauthorized as error:
            raise Failed(
                "X does not take x.bearer_token", "take it out of bot.yaml: botkit asks X for one"
            ) from error
        except XError as error:
            if isinstance(error, CreditsDepleted) or not error.status:
                raise explained(error, "as the app") from error
    try:
        await patient.requests.do(tokens.app_token(), app_basic(have))
    except (Unauthorized, Forbidden) as error:
        raise Failed(
            "X does not take x.consumer_key and x.consumer_secret",
            "copy both anew from the developer portal (Keys and tokens: API key and secret)",
        ) from error
    except XError as error:
        raise explained(error, "for the app's bearer token") from error
    return ok("X takes the app's key and secret, and gives its bearer token")


async def account(patient: Patient) -> Result:
    """X knows the bot's own account by its tokens."""
    if not patient.facing.credentials.access_token:
        return warning(
            "bot.yaml has no tokens of an account of its own", "let accounts sign in: botkit connect"
        )
    try:
        response = await patient.requests.send(users.me(), patient.own)
        me = users.me().read(response)
    except Unauthorized as error:
        raise Failed(
            "X does not take x.access_token: it is another one, or the account revoked the access",
            "make new access tokens in the developer portal, or sign the account in: botkit connect",
        ) from error
    except XError as error:
        raise explained(error, "whose account this is") from error
    patient.account_ids.append(me.id)
    level = response.headers.get(_LEVEL, "")
    if level and level != _ALL and _needs_messages(patient):
        raise Failed(f"the tokens of @{me.username} have only the permission {level}", _PERMISSION_FIX)
    return ok(f"acts as @{me.username} (id {me.id})")


async def permission(patient: Patient) -> Result:
    """The tokens allow what the plugins need: direct messages are a permission of their own."""
    if not _needs_messages(patient):
        return ok("no plugin needs direct messages")
    if not patient.facing.credentials.access_token:
        return ok("the connected accounts' tokens are looked at below")
    if patient.facing.credentials.account_id and not patient.account_ids:
        return ok("nothing to ask")
    return await _may_read_messages(patient, patient.own, "the app's tokens", _PERMISSION_FIX)


async def _may_read_messages(patient: Patient, shown: Shown, whose: str, fix: str) -> Result:
    """Read one message: the only question whose answer tells."""
    call = dm.messages(max_results=1)
    try:
        response = await patient.requests.send(call, shown)
        level = response.headers.get(_LEVEL, "")
        if level and level != _ALL:
            raise Failed(f"{whose} have only the permission {level}", fix)
        call.read(response)
    except RateLimited:
        return warning(
            f"{whose}: the limit of reading messages is used up", "run botkit doctor in 15 minutes"
        )
    except Forbidden as error:
        if error.kind == "client-forbidden":
            raise explained(error, "for direct messages") from error
        raise Failed(f"{whose} do not allow direct messages: {error}", fix) from error
    except XError as error:
        raise explained(error, "for direct messages") from error
    return ok(f"{whose} allow direct messages")


async def accounts(patient: Patient) -> Result:
    """Every account that signed in: its tokens can be read, are good, and were granted what is needed."""
    if patient.accounts is None:
        return await _as_the_bot_lists(patient)
    ids = await patient.accounts.vault.ids()
    problems: list[Failed] = []
    for account_id in ids:
        try:
            await _one(patient, account_id)
        except Failed as failed:
            problems.append(failed)
        else:
            if account_id not in patient.account_ids:
                patient.account_ids.append(account_id)
    _judge(patient, problems, len(ids))
    return ok(f"{len(ids)} signed in" if ids else "none signed in")


def _judge(patient: Patient, problems: list[Failed], count: int) -> None:
    if problems:
        lines = "; ".join(f"{failed.line}" for failed in problems)
        raise Failed(lines, "; ".join(dict.fromkeys(failed.fix for failed in problems)))
    if not count and not patient.facing.credentials.access_token:
        raise Failed(
            "no account has signed in, and bot.yaml has none of its own",
            "set x.access_token and x.access_token_secret, or sign one in: botkit connect",
        )


async def _as_the_bot_lists(patient: Patient) -> Result:
    """The running bot holds the store, and tokens are what it shows to nobody: they can't be tried here."""
    listed = await listed_by_the_bot(patient.config)
    if listed is None:
        return warning(
            "the running bot holds the store", "botkit account list shows its accounts; or stop it first"
        )
    problems: list[Failed] = []
    for each in listed:
        name = f"@{each['username']}" if each["username"] else f"account {each['account_id']}"
        again = f"let {name} sign in again: botkit connect"
        lacking = _lacking(patient, each["scopes"]) if "OAuth 2.0" in each["kinds"] else []
        if each["problem"]:
            problems.append(Failed(f"{name} has to sign in again: {each['problem']}", again))
        elif lacking:
            problems.append(Failed(f"{name} did not grant the {_scopes(lacking)}", again))
        elif each["account_id"] not in patient.account_ids:
            patient.account_ids.append(each["account_id"])
    _judge(patient, problems, len(listed))
    signed_in = f"{len(listed)} signed in, as the running bot says; their tokens were not tried"
    return ok(signed_in if listed else "none signed in")


def _lacking(patient: Patient, granted: Collection[str]) -> list[str]:
    """The scopes that the plugins need and the account did not grant, as far as X told what it did."""
    needed = scopes_of(patient.config, patient.hooks)
    return [scope for scope in needed if scope not in granted] if granted else []


async def _one(patient: Patient, account_id: str) -> None:
    if patient.accounts is None:
        return
    try:
        found = await patient.accounts.vault.get_now(account_id)
    except UserError as error:
        raise Failed(
            f"the tokens of account {account_id} can't be decrypted",
            f"put back the key that they were encrypted with, or run botkit account remove {account_id}",
        ) from error
    if found is None:
        return
    name = f"@{found.username}" if found.username else f"account {account_id}"
    again = f"let {name} sign in again: botkit connect"
    if found.problem:
        raise Failed(f"{name} has to sign in again: {found.problem}", again)
    if found.access_token:
        shown = patient.accounts.oauth1(found)
        await _taken(patient, shown, name, again)
        if _needs_messages(patient):
            await _may_read_messages(patient, shown, f"the tokens of {name}", f"{_RAISE}, then {again}")
    if found.oauth2 is not None:
        await _oauth2(patient, found, name, again)


async def _oauth2(patient: Patient, found: Account, name: str, again: str) -> None:
    if patient.accounts is None or found.oauth2 is None:
        return
    lacking = _lacking(patient, found.oauth2.scopes)
    if lacking:
        raise Failed(f"{name} did not grant the {_scopes(lacking)}", again)
    over = found.oauth2.expires_at <= patient.settings.now()
    if over and not found.oauth2.refresh_token:
        raise Failed(f"the OAuth 2.0 token of {name} has expired, and can't be refreshed", again)
    try:
        shown = await patient.accounts.bearer(found)
        try:
            await patient.requests.do(users.me(), shown)
        except Unauthorized:
            fresh = await patient.accounts.refreshed(found.id, shown.token)
            await patient.requests.do(users.me(), Bearer(fresh.access_token))
            shown = Bearer(fresh.access_token)
    except Unauthorized as error:
        raise Failed(
            f"the OAuth 2.0 token of {name} has expired, and X refreshes it no more", again
        ) from error
    except XError as error:
        raise explained(error, f"about {name}") from error
    if _needs_messages(patient):
        await _may_read_messages(patient, shown, f"the scopes of {name}", again)


async def _taken(patient: Patient, shown: Shown, name: str, again: str) -> None:
    try:
        await patient.requests.do(users.me(), shown)
    except Unauthorized as error:
        raise Failed(
            f"X does not take the tokens of {name}: the account revoked the access", again
        ) from error
    except XError as error:
        raise explained(error, f"about {name}") from error


def _scopes(names: list[str]) -> str:
    return f"{'scope' if len(names) == 1 else 'scopes'} {' '.join(names)}"


def _needs_messages(patient: Patient) -> bool:
    return bool(_DM & patient.hooks.needed_events())
