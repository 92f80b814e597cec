"""Carries one action out: mark, request, record. And what each of X's answers means for it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from botkit import actions
from botkit.actions import CreatePost, Queued, SendDirectMessage
from botkit.engine.backoff import Backoff
from botkit.engine.blame import describe
from botkit.engine.lookup import Lookup, Verdict
from botkit.engine.marks import Sending
from botkit.engine.media import bring
from botkit.engine.outbox import OutQueue, in_words, no_rich_key, outbox_item, sending_key, sent_key
from botkit.errors import (
    ActionRefused,
    CreditsDepleted,
    Forbidden,
    OutcomeUnknown,
    RateLimited,
    StoreError,
    Unauthorized,
    XError,
    XUnavailable,
)
from botkit.network.client import Client
from botkit.store.contract import (
    Again,
    Claim,
    DeadLetter,
    Done,
    Effects,
    Mark,
    NewItem,
    Settlement,
    Store,
)
from botkit.x.failures import is_already_done, pauses_account
from botkit.x.wire import Response

__all__ = ["Carried", "Carrier", "CarrierSettings", "OnUnknown"]

#: what becomes of an action when nobody can know whether it was carried out
OnUnknown = Literal["hold", "resend", "drop"]

#: how long to believe that X lets an account send no options and buttons: a new package may
_NO_RICH_S = 86_400.0


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """How actions are carried out.

    :param attempts: how often an action is tried that X could not take.
    :param on_unknown: for actions that don't say so themselves: ``hold`` keeps a dead letter for a person,
        ``resend`` sends again and may double, ``drop`` does neither.
    :param settle_s: how long after an unknown outcome X is given to show what it took.
    :param pause_s: how long an account rests when X refuses its credential, or there is no money, unless it
        signs in before.
    """

    attempts: int = 20
    on_unknown: OnUnknown = "hold"
    settle_s: float = 3.0
    pause_s: float = 300.0
    backoff: Backoff = field(default_factory=Backoff)


class Carried(msgspec.Struct, frozen=True):
    """How it ended.

    :param settlement: what is to be committed; ``None``: the lane was lost to another worker.
    :param closed_until: nothing more of this queue's window before that time.
    :param account_until: nothing more of this account before that time.
    :param counted: whether a request was made that counts in X's window.
    :param taken: X took the action, now or when it was tried before.
    """

    settlement: Settlement | None
    response: Response | None = None
    closed_until: float = 0.0
    account_until: float = 0.0
    counted: bool = True
    taken: bool = False


class Carrier:
    """Carries out claimed actions, one lane's at a time."""

    def __init__(
        self,
        *,
        store: Store,
        client: Client,
        settings: CarrierSettings,
        log: FilteringBoundLogger,
        rng: random.Random,
    ) -> None:
        self._store = store
        self._client = client
        self._settings = settings
        self._lookup = Lookup(store, client)
        self._log = log
        self._rng = rng

    async def carry_out(self, worker_id: int, claim: Claim, queued: Queued | None = None) -> Carried:
        """Send the first action of the claim, between the mark that it is on its way and its settlement.

        :param queued: that action, where somebody has decoded it already.
        :raises StoreError: the mark could not be written, so nothing was sent.
        """
        try:
            return await self._carry_out(worker_id, claim, queued or actions.decode(claim.items[0].payload))
        except StoreError:
            raise  # nothing left before the mark was on disk: the lane goes back as it is
        except Exception as error:  # noqa: BLE001 - logged with its traceback
            # Our bug, perhaps after X took the request: a person decides whether it is sent again.
            self._log_of(claim).exception("action_crashed", error=describe(error))
            return Carried(_dead(claim, "botkit", error, {}))

    def _log_of(self, claim: Claim) -> FilteringBoundLogger:
        """Names the action; made only where there is something to tell."""
        return self._log.bind(action=claim.items[0].item_id)

    async def _carry_out(self, worker_id: int, claim: Claim, queued: Queued) -> Carried:
        before = Sending.decode(claim.progress)
        if before.plain:
            queued = in_words(queued)
        elif not before.at and await self._must_be_plain(queued):
            return Carried(_plainly(claim, before, {}), counted=False)
        if before.at and not queued.action.call(queued.account_id).safe:
            decided = await self._decide(claim, queued, before)
            if decided is not None:
                return replace(decided, counted=False)
        uploaded = before
        if queued.action.attachments:
            brought = await self._bring(worker_id, claim, queued, before)
            if isinstance(brought, Carried):
                return brought
            queued, uploaded = brought
        call = queued.action.call(queued.account_id)
        mark = sending_key(queued.account_id, queued.action)
        sending = uploaded.leaves(await self._store.now())
        marked = Effects(state={mark: b"1"} if mark else {})
        begun = Settlement(claim, claim.items[0].seq, Mark(sending.encode()), marked)
        if not await self._store.settle(worker_id, begun):
            return Carried(None, counted=False)
        response: Response | None = None
        try:
            response = await self._client.send(call, queued.account_id)
            result = call.read(response)
        except XError as error:
            carried = await self._after_error(claim, queued, sending, error, again=before.at > 0)
            # Without an answer X has counted it only if it left.
            counted = response is not None or not isinstance(error, XUnavailable)
            return replace(carried, response=response, counted=counted)
        return Carried(_carried_out(claim, queued, _id_of(result)), response, taken=True)

    # -- before it leaves --------------------------------------------------------------------------------

    async def _bring(
        self, worker_id: int, claim: Claim, queued: Queued, before: Sending
    ) -> Carried | tuple[Queued, Sending]:
        """Upload what is attached; or how it ends when that can't be done now."""
        seq, latest = claim.items[0].seq, before

        async def save(sending: Sending) -> bool:
            nonlocal latest
            latest = sending
            return await self._store.settle(worker_id, Settlement(claim, seq, Mark(sending.encode())))

        now = await self._store.now()
        try:
            brought = await bring(
                queued, latest, client=self._client, now=now, save=save, log=self._log_of(claim)
            )
        except ActionRefused as error:
            self._log_of(claim).warning("attachment_refused", kind=queued.action.kind, error=describe(error))
            return Carried(_dead(claim, queued.action.kind, error, _unmarked(queued)), counted=False)
        except RateLimited as error:
            # The window of uploads is closed, not the action's own.
            wait_s = max(1.0, error.reset_at - now)
            self._log_of(claim).warning("upload_waits", seconds=round(wait_s))
            return Carried(self._again(claim, wait_s, latest, counts=False), counted=False)
        except XError as error:
            if isinstance(error, OutcomeUnknown):
                # An upload that nobody uses does nothing: it is brought again.
                error = XUnavailable(str(error), status=error.status)
            if isinstance(error, Unauthorized) and not error.status:
                # Nothing here may upload: the account's other actions need not wait for that.
                error = Forbidden(str(error))
            carried = await self._after_error(claim, queued, latest, error, again=False)
            return replace(carried, counted=False)
        if brought is None:
            return Carried(None, counted=False)
        if brought.queued is None:
            self._log_of(claim).debug("media_processing", seconds=brought.wait_s)
            waits = self._again(claim, brought.wait_s, brought.sending, counts=False)
            return Carried(waits, counted=False)
        return brought.queued, brought.sending

    async def _must_be_plain(self, queued: Queued) -> bool:
        """Whether X said of this account, not long ago, that it can't send options and buttons."""
        if not isinstance(queued.action, SendDirectMessage) or not queued.action.is_rich:
            return False
        key = no_rich_key(queued.account_id)
        said = (await self._store.state([key])).get(key)
        return said is not None and await self._store.now() < msgspec.msgpack.decode(said) + _NO_RICH_S

    # -- an unknown outcome ------------------------------------------------------------------------------

    async def _decide(self, claim: Claim, queued: Queued, before: Sending) -> Carried | None:
        """What becomes of an action that may have been carried out before; None: send it (again)."""
        settings, now = self._settings, await self._store.now()
        wait_s = before.at + settings.settle_s - now
        if wait_s > 0:
            # X shows what it took only after a moment; looking too early would send it twice.
            return Carried(self._again(claim, wait_s, before, counts=False))
        try:
            verdict, object_id = await self._lookup.find(queued, before.since or before.at)
        except RateLimited as error:
            wait_s = max(1.0, error.reset_at - now)
            self._log_of(claim).info("lookup_waits", seconds=round(wait_s))
            return Carried(self._again(claim, wait_s, before, counts=False))
        except XError as error:
            if claim.attempt + 1 < settings.attempts:
                wait_s = settings.backoff.delay_s(claim.attempt, self._rng)
                self._log_of(claim).warning("lookup_failed", seconds=round(wait_s, 1), error=describe(error))
                return Carried(self._again(claim, wait_s, before, counts=True))
            verdict, object_id = Verdict.UNKNOWN, ""
        self._log_of(claim).warning("outcome_looked_up", verdict=verdict.value)
        match verdict:
            case Verdict.SENT:
                return Carried(_carried_out(claim, queued, object_id), taken=True)
            case Verdict.NOT_SENT:
                return None
            case Verdict.UNKNOWN:
                return self._by_policy(claim, queued)

    def _by_policy(self, claim: Claim, queued: Queued) -> Carried | None:
        policy = queued.on_unknown or self._settings.on_unknown
        self._log_of(claim).warning("outcome_unknown", policy=policy)
        unmarked = _unmarked(queued)
        match policy:
            case "resend":
                return None
            case "drop":
                return Carried(_done(claim, unmarked))
            case _:
                error = OutcomeUnknown(
                    "nobody can know whether it was sent; look at X, then retry or drop it"
                )
                return Carried(_dead(claim, queued.action.kind, error, unmarked))

    @staticmethod
    def _again(claim: Claim, wait_s: float, sending: Sending, *, counts: bool) -> Settlement:
        return Settlement(claim, claim.items[0].seq, Again(wait_s, sending.encode(), counts=counts))

    # -- an error ----------------------------------------------------------------------------------------

    async def _after_error(
        self,
        claim: Claim,
        queued: Queued,
        sending: Sending,
        error: XError,
        *,
        again: bool,
    ) -> Carried:
        """What X's error means for the action: done after all, again later, or never."""
        seq, action, attempt = claim.items[0].seq, queued.action, claim.attempt + 1
        unmarked = Effects(state=_unmarked(queued))
        log = self._log_of(claim)
        now = await self._store.now()
        doubled = again and _is_duplicate(queued, error)
        if doubled and _goes_on(queued):
            # The thread goes on below the post that is there: its id is looked up.
            error = OutcomeUnknown(str(error), status=error.status)
        elif doubled or is_already_done(error):
            return Carried(_done(claim, unmarked.state), taken=doubled)
        if _is_too_rich(queued, error):
            state = dict(unmarked.state)
            if 453 in error.codes:
                log.warning("rich_messages_off", account=queued.account_id, error=describe(error))
                state[no_rich_key(queued.account_id)] = msgspec.msgpack.encode(now)
            return Carried(_plainly(claim, sending, state))
        tried = attempt < self._settings.attempts
        idle = sending.not_left().encode()
        match error:
            case RateLimited():
                log.warning("rate_limited", seconds=round(error.reset_at - now))
                wait_s = max(0.0, error.reset_at - now)
                waits = Settlement(claim, seq, Again(wait_s, idle, counts=False), unmarked)
                return Carried(waits, closed_until=error.reset_at)
            case Unauthorized() if action.best_effort and not error.status:
                # The account has no credential for this call: for what nobody misses, that is no trouble.
                log.info("action_dropped", kind=action.kind, error=describe(error))
                return Carried(_done(claim, unmarked.state))
            case _ if isinstance(error, CreditsDepleted | Unauthorized) or pauses_account(error):
                # A credential or the money is the trouble, not the action: it waits, with all of the account.
                pause_s = self._settings.pause_s
                log.error("sending_paused", account=queued.account_id, seconds=pause_s, error=describe(error))
                # Its lane does not wait in the store: nobody could end that when the account signs in again.
                waits = Settlement(claim, seq, Again(0.0, idle, counts=False), unmarked)
                return Carried(waits, account_until=now + pause_s)
            case OutcomeUnknown() if tried:
                log.warning("outcome_unknown", attempt=attempt, error=describe(error))
                wait_s = max(
                    self._settings.settle_s, self._settings.backoff.delay_s(claim.attempt, self._rng)
                )
                return Carried(self._again(claim, wait_s, sending, counts=True))
            case OutcomeUnknown():
                return self._by_policy(claim, queued) or Carried(
                    _dead(claim, action.kind, error, unmarked.state)
                )
            case XUnavailable() if tried:
                wait_s = self._settings.backoff.delay_s(claim.attempt, self._rng)
                log.warning(
                    "action_retried", attempt=attempt, seconds=round(wait_s, 1), error=describe(error)
                )
                return Carried(Settlement(claim, seq, Again(wait_s, idle), unmarked))
            case _ if action.best_effort:
                log.info("action_dropped", kind=action.kind, error=describe(error))
                return Carried(_done(claim, unmarked.state))
            case _:
                log.error("action_refused", kind=action.kind, attempt=attempt, error=describe(error))
                return Carried(_dead(claim, action.kind, error, unmarked.state))


def _done(claim: Claim, state: Mapping[str, bytes | None], *following: tuple[Queued, str]) -> Settlement:
    """The action is finished; ``following`` are actions, with their ids, that take its place."""
    queue = OutQueue.from_name(claim.queue) if following else None
    items: list[NewItem] = [
        outbox_item(queued, item_id, priority=queue.priority, broadcast=queue.broadcast)
        for queued, item_id in following
        if queue is not None
    ]
    return Settlement(claim, claim.items[0].seq, Done(), Effects(state=state, items=items))


def _carried_out(claim: Claim, queued: Queued, object_id: str) -> Settlement:
    """X took it. Of a thread the next part is queued in the same transaction: exactly once."""
    recorded, action = _recorded(queued, object_id), queued.action
    if not isinstance(action, CreatePost) or not action.then:
        return _done(claim, recorded)
    first = claim.items[0].item_id.removesuffix(f"/part{action.part}")
    following = replace(queued, action=action.next_part(object_id))
    return _done(claim, recorded, (following, f"{first}/part{action.part + 1}"))


def _plainly(claim: Claim, sending: Sending, state: Mapping[str, bytes | None]) -> Settlement:
    """The message in words takes the place of the one with options and buttons: nothing overtakes it.

    It is another request, in another window of X's, so it is claimed anew.
    """
    again = Again(0.0, sending.in_words().encode(), counts=False)
    return Settlement(claim, claim.items[0].seq, again, Effects(state=state))


def _is_too_rich(queued: Queued, error: XError) -> bool:
    """The account can't send options and buttons: by its package, or for want of an OAuth 1.0a token."""
    if not isinstance(queued.action, SendDirectMessage) or not queued.action.is_rich:
        return False
    return 453 in error.codes or (isinstance(error, Unauthorized) and not error.status)


def _goes_on(queued: Queued) -> bool:
    return isinstance(queued.action, CreatePost) and bool(queued.action.then)


def _dead(claim: Claim, handler: str, error: Exception, state: Mapping[str, bytes | None]) -> Settlement:
    item = claim.items[0]
    letter = DeadLetter(
        item.item_id, handler, claim.attempt + 1, describe(error), lane=claim.lane, queue=claim.queue
    )
    return Settlement(claim, item.seq, Done(), Effects(state=state, dead=[letter]))


def _unmarked(queued: Queued) -> dict[str, bytes | None]:
    mark = sending_key(queued.account_id, queued.action)
    return {mark: None} if mark else {}


def _recorded(queued: Queued, object_id: str) -> dict[str, bytes | None]:
    """The marks after success: no longer on its way, and known by the id that X gave it."""
    marks = _unmarked(queued)
    if marks and object_id:
        marks[sent_key(queued.account_id, object_id)] = b"1"
    return marks


def _id_of(result: Any) -> str:
    return getattr(result, "message_id", "") or getattr(result, "post_id", "")


def _is_duplicate(queued: Queued, error: XError) -> bool:
    """X refuses the second copy of a post by itself: the first one got through after all."""
    return (
        isinstance(queued.action, CreatePost)
        and isinstance(error, Forbidden)
        and (187 in error.codes or "duplicate content" in str(error).lower())
    )
