"""The X Activity API: one subscription for each event type of each account, and for each keyword of news.

Source: X docs, activity/quickstart and activity/introduction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from botkit.errors import XError
from botkit.events import Event, NewsPublished
from botkit.network.client import Client
from botkit.network.lifecycle.asking import NotSo, Problem, asked, concerns_account, refused
from botkit.x.calls import activity
from botkit.x.calls.activity import Subscription
from botkit.x.subscriptions import access_to, event_types_for

__all__ = ["TAG", "Single", "Want", "list_subscriptions", "wanted"]

#: marks the subscriptions that botkit made as its own
TAG = "botkit"

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Want:
    """One subscription that should be there: an event type of an account, or of a keyword."""

    event_type: str
    user_id: str = ""
    keyword: str = ""


def wanted(
    events: Collection[type[Event]], accounts: Collection[str], keywords: Collection[str]
) -> tuple[Want, ...]:
    """What has to be subscribed so that these events come, each once."""
    news = set(event_types_for([NewsPublished]))
    types = event_types_for(events)
    return (
        *(Want(kind, user_id=account) for account in accounts for kind in types if kind not in news),
        *(Want(kind, keyword=keyword) for keyword in keywords for kind in types if kind in news),
    )


async def list_subscriptions(client: Client) -> list[Subscription]:
    """All subscriptions of the app.

    :raises NotSo: X refuses.
    """
    found: list[Subscription] = []
    page = ""
    while True:
        answer = await asked(
            "for the list of subscriptions", client.do(activity.list_subscriptions(page=page))
        )
        found += answer.subscriptions
        page = answer.next_token
        if not page:
            return found


@dataclass(slots=True)
class Single:
    """Makes what is missing, moves what points at a webhook that is gone, removes what is ours and stale.

    :param webhook_id: ours; ``""`` for the stream, which brings everything, wherever else it goes.
    :param alive: the ids of all webhooks that are there.
    :param mine: accounts that this bot subscribed before.
    """

    client: Client
    webhook_id: str
    alive: frozenset[str]
    log: FilteringBoundLogger
    mine: frozenset[str] = frozenset()
    made: int = 0
    moved: int = 0
    removed: int = 0
    problems: list[Problem] = field(default_factory=list)

    async def make_so(self, wants: Collection[Want], accounts: Collection[str]) -> None:
        """Make it so. What X refuses for one event type keeps no other out.

        :param accounts: all connected accounts.
        :raises NotSo: X can't be asked now.
        """
        there = await list_subscriptions(self.client)
        # One for a single direction brings only a part, and does not keep X from making the whole one.
        whole = {
            Want(each.event_type, each.user_id, each.keyword): each for each in there if not each.direction
        }
        stale = [each for each in there if self._is_stale(each, set(wants), accounts)]
        # First what is not needed: it may be what fills the quota.
        await self._remove(stale)
        refusals: dict[tuple[str, str], list[Want]] = {}
        lost: set[str] = set()
        for want in wants:
            found = whole.get(want)
            if found is not None:
                if self.webhook_id and found.webhook_id != self.webhook_id:
                    await self._move(found)
                continue
            if want.user_id in lost:
                continue
            try:
                await self._make(want)
            except XError as error:
                if concerns_account(error):
                    lost.add(want.user_id)
                    line = f"{_not_made(want, error)}; sign the account in again"
                    self.problems.append(Problem("account", line, want.user_id))
                    continue
                if _ends_all(error):
                    raise _not_made(want, error) from error
                if _is_limit(error):
                    self._full(want, error)
                    break
                refusals.setdefault((want.user_id, str(error)), []).append(want)
        for (account_id, reason), refused_wants in refusals.items():
            self.problems.append(_refusal(account_id, reason, refused_wants))

    def _is_stale(self, each: Subscription, wants: set[Want], accounts: Collection[str]) -> bool:
        if each.tag != TAG or (
            not each.direction and Want(each.event_type, each.user_id, each.keyword) in wants
        ):
            return False
        if not each.webhook_id:
            # Without a webhook it is for a stream, perhaps that of another bot of this app.
            return each.user_id in accounts or each.user_id in self.mine or not each.user_id
        # One that brings events to another living webhook is another bot's.
        return each.webhook_id == self.webhook_id or each.webhook_id not in self.alive

    async def _remove(self, stale: list[Subscription]) -> None:
        for start in range(0, len(stale), _AT_ONCE):
            some = stale[start : start + _AT_ONCE]
            call = activity.delete_subscriptions([each.id for each in some])
            done = await asked("to delete subscriptions", self.client.do(call))
            self.removed += len(done.deleted)
            for each in some:
                if each.id in done.failed:
                    line = f"X did not delete subscription {each.id} ({each.event_type})"
                    self.problems.append(Problem("subscriptions", f"{line}: {done.failed[each.id]}"))
                else:
                    self.log.info(
                        "subscription_removed",
                        event_type=each.event_type,
                        account=each.user_id,
                        reason="nothing needs it",
                    )

    async def _make(self, want: Want) -> None:
        call = activity.create_subscription(
            want.event_type,
            user_id=want.user_id,
            keyword=want.keyword,
            tag=TAG,
            webhook_id=self.webhook_id,
        )
        done = await self.client.do(call, want.user_id)
        self.made += 0 if done.duplicate else 1

    async def _move(self, found: Subscription) -> None:
        """X makes no second subscription of the same events: point the one that is there at our webhook,
        unless another bot may be using it.
        """
        if found.webhook_id in self.alive:
            self.problems.append(
                Problem(
                    "subscriptions",
                    f"{found.event_type} of account {found.user_id} is subscribed to another webhook, "
                    f"{found.webhook_id}; delete subscription {found.id} at X "
                    f"(botkit subscription remove {found.id}), or that webhook",
                    found.user_id,
                )
            )
            return
        call = activity.update_subscription(found.id, webhook_id=self.webhook_id)
        await asked(f"to move subscription {found.id} to webhook {self.webhook_id}", self.client.do(call))
        self.moved += 1
        self.log.info("subscription_moved", event_type=found.event_type, webhook=self.webhook_id)

    def _full(self, want: Want, error: XError) -> None:
        fix = "end some (botkit subscription list), or handle fewer kinds of events"
        self.problems.append(Problem("subscriptions", f"{_not_made(want, error)}; {fix}", want.user_id))


def _not_made(want: Want, error: XError) -> NotSo:
    whose = f"account {want.user_id}" if want.user_id else f"the keyword {want.keyword}"
    return refused(f"to subscribe {want.event_type} of {whose}", error)


def _refusal(account_id: str, reason: str, wants: list[Want]) -> Problem:
    """One line for all that X refuses an account for the same reason."""
    kinds = ", ".join(dict.fromkeys(want.event_type for want in wants))
    keywords = ", ".join(want.keyword for want in wants)
    whose = f"account {account_id}" if account_id else f"the keywords {keywords}"
    line = f"X refused when asked to subscribe {kinds} of {whose}: {reason}"
    private = [access for want in wants if (access := access_to(want.event_type)).private]
    if account_id and private:
        scopes = " ".join(sorted({scope for access in private for scope in access.scopes}))
        line += f"; the account must have granted {scopes}, or OAuth 1.0a with direct messages"
    return Problem("subscriptions", line, account_id)


def _ends_all(error: XError) -> bool:
    """Asking for the next one would end alike: X is away, too busy, or wants money."""
    return not error.status or error.status in {402, 408, 429} or error.status >= 500


def _is_limit(error: XError) -> bool:
    # X documents the number and no name for it; account activity's is this one.
    return error.kind == "SubscriptionLimitExceeded" or "limit" in f"{error.kind} {error}".lower()
