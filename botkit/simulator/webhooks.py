"""Webhooks: registered addresses, and the challenge (CRC) that each must answer.

Source: X docs, webhooks/introduction and webhooks/quickstart.
"""

from __future__ import annotations

import base64
import ipaddress
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from botkit.simulator.wire_v2 import iso
from botkit.x.signature import answers_crc, sign

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from structlog.typing import FilteringBoundLogger

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.faults import Faults
    from botkit.simulator.ids import Snowflakes
    from botkit.simulator.rules import Rules

__all__ = [
    "ENTERPRISE",
    "PREMIUM",
    "SIGNATURE_HEADER",
    "V2",
    "CrcResult",
    "Webhook",
    "WebhookRefused",
    "Webhooks",
    "is_loopback",
]

SIGNATURE_HEADER = "x-twitter-webhooks-signature"

#: ``refused`` answers invalidate at once, ``transient`` ones only after the grace period
CrcVerdict = Literal["passed", "refused", "transient"]
CrcCause = Literal["", "slow", "status", "token", "redirect", "tls", "connection"]

#: the products that keep webhooks of their own; a premium environment is `PREMIUM` and its name
V2, ENTERPRISE, PREMIUM = "v2", "enterprise", "premium:"

#: v1.1 gives a webhook this long (Source: X docs, enterprise account activity)
_V1_TIMEOUT_S = 3.0

# a CRC answer is a few dozen bytes; more than this is no answer
_MAX_ANSWER = 4096


@dataclass(slots=True)
class Webhook:
    """A registered address."""

    id: str
    url: str
    created_at: float
    valid: bool
    passed_at: float
    product: str = V2

    def public(self) -> dict[str, Any]:
        """As X lists it."""
        return {"created_at": iso(self.created_at), "id": self.id, "url": self.url, "valid": self.valid}


@dataclass(frozen=True, slots=True)
class CrcResult:
    """How a challenge went, and why."""

    verdict: CrcVerdict
    reason: str = ""
    cause: CrcCause = ""


class WebhookRefused(Exception):
    """What was asked of a webhook is refused: v2's name for it, why, and how a challenge went.

    It is told in the words of the product that was asked.
    """

    def __init__(self, name: str, reason: str = "", result: CrcResult | None = None) -> None:
        super().__init__(name)
        self.name, self.reason, self.result = name, reason, result


class Webhooks:
    """The registered webhooks of the app."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        rules: Rules,
        faults: Faults,
        ids: Snowflakes,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        log: FilteringBoundLogger,
    ) -> None:
        self._config, self._ids, self._clock, self._sleep, self._rng = config, ids, clock, sleep, rng
        self._rules, self._faults, self._log = rules, faults, log
        self._hooks: dict[str, Webhook] = {}
        self._http: aiohttp.ClientSession | None = None

    def open(self, http: aiohttp.ClientSession) -> None:
        """Use this HTTP client from now on."""
        self._http = http

    def all(self, product: str = "") -> list[Webhook]:
        """All webhooks, or those of one product, oldest first."""
        return [hook for hook in self._hooks.values() if not product or hook.product == product]

    def get(self, webhook_id: str, product: str = V2) -> Webhook:
        """One webhook.

        :raises WebhookRefused: WebhookIdInvalid.
        """
        hook = self._hooks.get(webhook_id)
        if hook is None or hook.product != product:
            raise WebhookRefused("WebhookIdInvalid", "no webhook of this app has this id")
        return hook

    def find(self, webhook_id: str) -> Webhook | None:
        """One webhook, if it is there."""
        return self._hooks.get(webhook_id)

    async def register(self, url: str, product: str = V2) -> Webhook:
        """Register an address after it passed the challenge.

        :raises WebhookRefused: UrlValidationFailed, WebhookLimitExceeded, DuplicateUrlFailed,
            CrcValidationFailed.
        """
        problem = self._url_problem(url)
        if problem:
            raise WebhookRefused("UrlValidationFailed", problem)
        there = self.all(product)
        # X was seen to answer the limit even when the same address is registered
        if len(there) >= self._limit(product):
            raise WebhookRefused("WebhookLimitExceeded")
        if any(hook.url == url for hook in there):
            raise WebhookRefused("DuplicateUrlFailed", "this url is registered already")
        result = await self.challenge(url, product)
        if result.verdict != "passed":
            raise WebhookRefused("CrcValidationFailed", result.reason, result)
        return self.put(url, product)

    def over_quota(self, product: str = V2) -> list[Webhook]:
        """Those that have to go before there is room for one more, the oldest first."""
        there = [hook for hook in self._hooks.values() if hook.product == product]
        return there[: max(0, len(there) + 1 - max(1, self._limit(product)))]

    def put(self, url: str, product: str = V2) -> Webhook:
        """A webhook that is there without a challenge."""
        now = self._clock()
        hook = Webhook(self._ids.next(), url, now, valid=True, passed_at=now, product=product)
        self._hooks[hook.id] = hook
        return hook

    async def validate(self, webhook_id: str, product: str = V2) -> Webhook:
        """Challenge a webhook now; one that passes is valid again.

        :raises WebhookRefused: WebhookIdInvalid or CrcValidationFailed.
        """
        hook = self.get(webhook_id, product)
        result = await self.challenge(hook.url, product)
        self._judge(hook, result)
        if result.verdict != "passed":
            raise WebhookRefused("CrcValidationFailed", result.reason, result)
        hook.valid = True
        return hook

    def invalidate(self, hook: Webhook) -> None:
        """A webhook is invalid from now on, until a challenge by hand."""
        hook.valid = False

    def delete(self, webhook_id: str, product: str = V2) -> Webhook:
        """Forget a webhook.

        :raises WebhookRefused: WebhookIdInvalid.
        """
        hook = self.get(webhook_id, product)
        del self._hooks[webhook_id]
        return hook

    def timeout_s(self, product: str) -> float:
        """How long a webhook may take to answer."""
        limit = self._config.delivery_timeout_s
        return limit if product == V2 else min(limit, _V1_TIMEOUT_S)

    def _limit(self, product: str) -> int:
        if product == V2:
            return self._rules.webhook_limit
        return self._rules.enterprise_webhook_limit if product == ENTERPRISE else 1

    async def watch(self) -> None:
        """Challenge all valid webhooks again and again, until cancelled."""
        while True:
            await self._sleep(self._config.crc_interval_s)
            await self.check_all()

    async def check_all(self) -> None:
        """One round of the periodic challenge. What became invalid stays so until a PUT."""
        for hook in self.all():
            if hook.valid:
                self._judge(hook, await self.challenge(hook.url, hook.product))

    def _judge(self, hook: Webhook, result: CrcResult) -> None:
        now = self._clock()
        if result.verdict == "passed":
            hook.passed_at = now
        elif result.verdict == "refused" or now - hook.passed_at > self._config.crc_grace_s:
            hook.valid = False
            self._log.warning("webhook_invalid", webhook_id=hook.id, reason=result.reason)

    async def challenge(self, url: str, product: str = V2) -> CrcResult:
        """Send a challenge to an address and judge the answer."""
        if self._faults.take("crc_slow"):
            return CrcResult("transient", "High latency on CRC GET request", "slow")
        if self._http is None:
            raise RuntimeError("the simulator is not started")
        token = base64.b64encode(str(uuid.UUID(int=self._rng.getrandbits(128), version=4)).encode()).decode()
        nonce = base64.b64encode(str(int(self._clock() * 1000)).encode()).decode().rstrip("=")
        query = f"crc_token={token}&nonce={nonce}"
        headers = {SIGNATURE_HEADER: sign(self._config.consumer_secret, query.encode())}
        target = URL(f"{url}{'&' if '?' in url else '?'}{query}", encoded=True)
        timeout = aiohttp.ClientTimeout(total=self.timeout_s(product))
        try:
            async with self._http.get(
                target, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                body = await answer.content.read(_MAX_ANSWER)
        except aiohttp.ClientSSLError:
            return CrcResult("refused", "the TLS certificate is not valid", "tls")
        except TimeoutError:
            return CrcResult("transient", "High latency on CRC GET request", "slow")
        except (aiohttp.ClientError, OSError) as error:
            return CrcResult("transient", f"no answer: {type(error).__name__}", "connection")
        if 300 <= answer.status < 400:
            return CrcResult("refused", "the address redirects", "redirect")
        if not 200 <= answer.status < 300:
            reason = f"Non-200 response code during CRC GET request ({answer.status})"
            return CrcResult("transient", reason, "status")
        right = answers_crc([self._config.consumer_secret], token, body)
        if self._faults.take("crc_wrong") or not right:
            return CrcResult("refused", "Invalid response_token", "token")
        return CrcResult("passed")

    def _url_problem(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return "this is no url"
        local = self._rules.allow_http_webhooks and is_loopback(host)
        if not host:
            return "the url has no host"
        if parts.scheme != "https" and not (local and parts.scheme == "http"):
            return "the url must use https"
        if port is not None and not local:
            return "the url must not contain a port"
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
