"""Makes webhook and subscriptions at X so as the bot needs them, whichever way events are delivered.

What is wanted is compared with what is there: what is missing is made, what X has taken out of service is put
back, and what this bot made and nothing needs any more is removed. What others made is never touched.
Everything goes through `botkit.network.client`, so it is the same for X and for whatever speaks X's API.

products.py   the five deliveries, as calls
webhook.py    one valid webhook at our address
whole.py      account activity: everything of an account
single.py     the X Activity API: one event type at a time
"""

from __future__ import annotations

from collections.abc import Collection

from structlog.typing import FilteringBoundLogger

from botkit.errors import Unauthorized
from botkit.events import Event, User
from botkit.network.client import Client
from botkit.network.lifecycle.asking import Connected, Desired, NotSo, Own, Problem, asked
from botkit.network.lifecycle.products import Delivery, Product, product_of
from botkit.network.lifecycle.single import TAG, Single, Want, list_subscriptions, wanted
from botkit.network.lifecycle.webhook import Ensured, ensure_webhook
from botkit.network.lifecycle.whole import Whole
from botkit.x.calls import users

__all__ = [
    "TAG",
    "Connected",
    "Delivery",
    "Desired",
    "NotSo",
    "Own",
    "Problem",
    "Product",
    "Want",
    "connect",
    "list_subscriptions",
    "make_so",
    "product_of",
    "wanted",
]


async def make_so(
    client: Client, desired: Desired, *, log: FilteringBoundLogger, own: Own | None = None
) -> Connected:
    """Make webhook and subscriptions so, and tell what was done and what could not be.

    :param own: what this bot made before.
    :raises NotSo: no event can come: X refused the webhook, or could not be asked.
    """
    own = own or Own()
    product = product_of(desired.delivery, desired.environment)
    account, problems = await _account(client, desired)
    hook = Ensured("", frozenset())
    if product.webhooks is not None:
        hook = await ensure_webhook(client, product.webhooks, desired.url, own=own.webhooks, log=log)
    accounts = tuple(dict.fromkeys(each for each in (account.id, *desired.accounts) if each))
    if product.whole is not None:
        # A webhook that was made anew has no subscriptions, so none of them is ours.
        whole = Whole(
            client,
            product.whole,
            hook.webhook_id,
            log,
            set() if hook.registered else set(own.accounts),
        )
        await whole.make_so(accounts)
        done: Whole | Single = whole
        moved, mine = 0, frozenset(whole.mine)
    else:
        alive = hook.alive if product.webhooks is not None else await _alive(client)
        single = Single(client, hook.webhook_id, alive, log, own.accounts)
        await single.make_so(wanted(desired.events, accounts, desired.keywords), accounts)
        done, moved, mine = single, single.moved, frozenset(accounts)
    webhooks = own.webhooks - hook.deleted
    return Connected(
        account=account,
        webhook_id=hook.webhook_id,
        subscribed=done.made,
        moved=moved,
        removed=done.removed,
        revived=hook.revived,
        own=Own(webhooks | {hook.webhook_id} if hook.registered else webhooks, mine),
        problems=(*problems, *done.problems),
    )


async def connect(
    client: Client,
    *,
    url: str,
    delivery: Delivery,
    events: Collection[type[Event]],
    log: FilteringBoundLogger,
) -> Connected:
    """`make_so` for one account, once, where anything that is missing is an error.

    :raises NotSo: X refused something.
    """
    done = await make_so(client, Desired(delivery=delivery, url=url, events=events), log=log)
    for problem in done.problems:
        raise NotSo(problem.line, problem.about, account_id=problem.account_id)
    log.info(
        "connected",
        account=done.account.username,
        webhook=done.webhook_id,
        subscriptions_made=done.subscribed,
    )
    return done


async def _account(client: Client, desired: Desired) -> tuple[User, tuple[Problem, ...]]:
    """The bot's own account. A dead token of its own keeps the other accounts from nothing."""
    if not desired.own:
        return User(id=""), ()
    try:
        return await asked("whose account this is", client.do(users.me()), "account"), ()
    except NotSo as error:
        if not desired.accounts or not isinstance(error.__cause__, Unauthorized):
            raise
        return User(id=""), (Problem("account", str(error)),)


async def _alive(client: Client) -> frozenset[str]:
    """The webhooks of the app: a stream's bot has none, and must not take away what others receive by."""
    calls = product_of("activity").webhooks
    if calls is None:
        return frozenset()
    return frozenset(each.id for each in await asked("for the list of webhooks", client.do(calls.list_all())))
