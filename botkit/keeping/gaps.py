"""Gaps: times in which nothing could come. They are remembered until X has delivered them again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError, UserError
from botkit.keeping.heard import Heard, last_contact
from botkit.network.client import Client
from botkit.network.lifecycle import Product
from botkit.network.replay import Ended, NoReplay, Replayer, Span, ready_at, spoken
from botkit.store.contract import Store
from botkit.x.replays import end_ids

__all__ = ["Gaps", "end_of", "joined"]

_KEY = "keeping:gaps"
_NO_REPLAY = "keeping:no_replay"
#: a refusal is believed that long: packages change
_BELIEVED_S = 7 * 86400.0
#: what is shorter X itself brings again, or nothing was lost
_LEAST_S = 10.0
_LOOKS_EVERY_S = 15.0
#: events that were turned away are asked for when none has been for that long
_CALM_S = 60.0
#: what X could not be asked for is asked for again after that
_LATER_S = 15 * 60.0


class Gaps:
    """Has X deliver again what was missed, in the background, oldest first.

    :param webhook_id: the webhook's id at X; raises `UserError` when it can't be found.
    :param now: Unix seconds.
    :param sleep: waits for that many seconds.
    """

    def __init__(
        self,
        store: Store,
        client: Client,
        product: Product,
        *,
        heard: Heard,
        webhook_id: Callable[[], Awaitable[str]],
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._product = product
        self._heard = heard
        self._webhook_id = webhook_id
        self._log = log
        self._now = now
        self._sleep = sleep
        self._replayer = (
            Replayer(
                client, product.replays, ended=lambda job: end_of(store, job), log=log, now=now, sleep=sleep
            )
            if product.replays is not None
            else None
        )
        self._writing = asyncio.Lock()
        self._asking = asyncio.Lock()

    async def note(self, span: Span) -> None:
        """Nothing came then that could be missing.

        :raises StoreError: it can't be remembered.
        """
        length_s = span.end - span.start
        if length_s < _LEAST_S:
            return
        if self._replayer is None:
            await self._say_none(f"{self._product.delivery} has no replay", span)
            return
        if await self._refused_lately():
            self._log.debug("gap_left", span=str(span), reason="X gives this app no replay")
            return
        self._log.info(
            "gap_found",
            since=spoken(span.start),
            until=spoken(span.end),
            minutes=round(length_s / 60, 1),
            asked_at=spoken(ready_at(span)),
        )
        async with self._writing:
            await self._write(joined([*await self.pending(), span]))

    async def pending(self) -> list[Span]:
        """What is still missing, oldest first.

        :raises StoreError: the store can't be read.
        """
        value = (await self._store.state([_KEY])).get(_KEY)
        found: list[list[float]] = json.loads(value) if value else []
        return [Span(start, end) for start, end in found]

    async def run(self) -> None:
        """Fill what can be filled, until cancelled."""
        while True:
            wait_s = _LOOKS_EVERY_S
            try:
                await self._look_at_refused()
                await self._fill()
            except UserError as error:
                self._log.warning("gap_not_filled", reason=str(error), again_in_s=_LATER_S)
                wait_s = _LATER_S
            except StoreError as error:
                self._log.error("gap_not_filled", reason=str(error))
            await self._sleep(wait_s)

    async def by_hand(self, span: Span) -> dict[str, Any]:
        """Have a span delivered again because a person wants it; X may be asked however often it refused.

        :raises UserError: it can't be, or X does not; one line.
        """
        if self._replayer is None:
            raise UserError(_no_replay(self._product))
        webhook_id = await self._webhook_id()
        parts: list[Span] = []

        async def done(part: Span) -> None:
            parts.append(part)

        async with self._asking:
            missing = await self._replayer.run(webhook_id, span, done=done)
        await self._store.keep({_NO_REPLAY: None})
        if not parts:
            raise UserError(
                f"X has nothing of {span}: it replays what is at least 10 minutes "
                f"and at most {_reach(self._product)} old"
            )
        return {
            "from": spoken(min(part.start for part in parts)),
            "to": spoken(max(part.end for part in parts)),
            "jobs": len(parts),
            "incomplete": [str(part) for part in missing],
        }

    # -- inside ------------------------------------------------------------------------------------------

    async def _fill(self) -> None:
        for span in await self.pending():
            if ready_at(span) > self._now():
                continue
            await self._fill_one(span)

    async def _fill_one(self, span: Span) -> None:
        if self._replayer is None or self._product.replays is None:
            return
        oldest = self._now() - self._product.replays.reach_s
        if span.start < oldest:
            self._log.warning(
                "gap_too_old",
                since=spoken(span.start),
                until=spoken(min(span.end, oldest)),
                reason=f"X keeps {_reach(self._product)}",
            )
        try:
            async with self._asking:
                webhook_id = await self._webhook_id()
                missing = await self._replayer.run(
                    webhook_id, span, done=lambda part: self._forget(part, span)
                )
        except NoReplay as error:
            await self._say_none(str(error), span)
            await self._drop_all()
            return
        await self._forget(Span(span.start, span.end), span)
        if missing:
            self._log.error("gap_not_filled", missing=[str(part) for part in missing])
        else:
            self._log.info("gap_filled", since=spoken(span.start), until=spoken(span.end))

    async def _forget(self, part: Span, span: Span) -> None:
        """A part of a gap is done: what is left of it begins where the part ends."""
        async with self._writing:
            left = []
            for each in await self.pending():
                if each.start < span.end and each.end > span.start:
                    start = max(each.start, part.end)
                    if start < each.end:
                        left.append(Span(start, each.end))
                else:
                    left.append(each)
            await self._write(left)

    async def _drop_all(self) -> None:
        async with self._writing:
            await self._write([])

    async def _write(self, spans: list[Span]) -> None:
        value = json.dumps([[each.start, each.end] for each in spans]).encode() if spans else None
        await self._store.keep({_KEY: value})

    async def _look_at_refused(self) -> None:
        contact = self._heard.contact.joined(await last_contact(self._store))
        if contact.refused_to and self._now() - contact.refused_to > _CALM_S:
            await self.note(Span(contact.refused_from, contact.refused_to + _CALM_S))
            await self._heard.settle_refused()

    async def _say_none(self, reason: str, span: Span) -> None:
        """Say once that nothing can be asked for, and remember it."""
        if await self._refused_lately():
            return
        self._log.warning(
            "no_replay", reason=reason, missed=str(span), fix="what X does not repeat by itself is lost"
        )
        told = {"delivery": self._product.delivery, "at": self._now()}
        await self._store.keep({_NO_REPLAY: json.dumps(told).encode()})

    async def _refused_lately(self) -> bool:
        value = (await self._store.state([_NO_REPLAY])).get(_NO_REPLAY)
        if not value:
            return False
        told = json.loads(value)
        return bool(
            told["delivery"] == self._product.delivery and self._now() - float(told["at"]) < _BELIEVED_S
        )


async def end_of(store: Store, job_id: str) -> Ended:
    """How a replay ended, as far as X has delivered it; ``""``: not yet."""
    for state, item_id in end_ids(job_id).items():
        if await store.item(item_id) is not None:
            return state
    return ""


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as can be, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def _reach(product: Product) -> str:
    hours = product.replays.reach_s / 3600 if product.replays is not None else 0.0
    return f"{hours:.0f} hours" if hours <= 24 else f"{hours / 24:.0f} days"


def _no_replay(product: Product) -> str:
    if product.delivery == "activity_stream":
        return "a stream has no replay: missed minutes come with the next connection, where X gives them"
    return f"delivery: {product.delivery} has no replay"
