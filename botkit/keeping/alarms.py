"""The alarms of a bot: each is told once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from structlog.typing import FilteringBoundLogger

from botkit.hooks.specs import Alarm, AlarmKind

__all__ = ["Alarms"]


class Alarms:
    """What is wrong now.

    :param tell: told of each change, beside the log.
    :param now: Unix seconds.
    """

    def __init__(
        self,
        *,
        log: FilteringBoundLogger,
        now: Callable[[], float],
        tell: Callable[[Alarm], Awaitable[object]],
    ) -> None:
        self._log = log
        self._now = now
        self._tell = tell
        self._on: dict[tuple[AlarmKind, str], str] = {}

    @property
    def warnings(self) -> Mapping[str, str]:
        """What is wrong now, by name, each in one line; for `botkit.web.health`."""
        return {
            f"{kind}:{account_id}" if account_id else kind: reason
            for (kind, account_id), reason in self._on.items()
        }

    async def set(self, kind: AlarmKind, reason: str, *, account_id: str = "") -> None:
        """Something is wrong (``reason`` says what, in one line), or nothing is any more (``""``).

        What was told already is not told again, however its reason is worded now.
        """
        key = (kind, account_id)
        was = self._on.get(key)
        if reason:
            self._on[key] = reason
        else:
            self._on.pop(key, None)
        if bool(was) == bool(reason):
            return
        shown = {"account": account_id} if account_id else {}
        if reason:
            self._log.warning("alarm", kind=kind, reason=reason, **shown)
        else:
            self._log.info("alarm_over", kind=kind, reason=was, **shown)
        await self._tell(
            Alarm(
                kind=kind,
                on=bool(reason),
                reason=reason or was or "",
                at=datetime.fromtimestamp(self._now(), UTC),
                account_id=account_id,
            )
        )

    async def only(self, kind: AlarmKind, reasons: Mapping[str, str]) -> None:
        """All alarms of a kind by account; those of other accounts are over."""
        for known, account_id in list(self._on):
            if known == kind and account_id not in reasons:
                await self.set(kind, "", account_id=account_id)
        for account_id, reason in reasons.items():
            await self.set(kind, reason, account_id=account_id)
