"""The public address: as X wants it, reachable, with a certificate, and with the right answer in time."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import time
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp

from botkit.doctor.patient import Patient
from botkit.doctor.result import Failed, Result, ok, warning
from botkit.doctor.standin import stand_in
from botkit.errors import ActionRefused
from botkit.network.loopback import is_here
from botkit.x.calls.webhooks import check_url
from botkit.x.signature import answers_crc

__all__ = ["challenge", "public_url", "reachable"]

_CERTIFICATE_S = 7 * 86_400.0
_MAX_ANSWER = 4_096
_NO_WEBHOOK = "delivery: activity_stream needs none"
_START = "start the bot (botkit run), and lead the address to it"


async def public_url(patient: Patient) -> Result:
    """The address is one that X takes."""
    if patient.product.webhooks is None:
        return ok(_NO_WEBHOOK)
    url = patient.webhook_url
    if not url:
        raise Failed(
            "server.public_url is not set, so X can't deliver anything",
            "set it to the https address of this bot, run botkit run --tunnel, "
            "or write x.delivery: activity_stream, which needs none",
        )
    if is_here(url) and is_here(
        patient.facing.api_url if patient.x is not None else patient.config.x.api_url
    ):
        return ok(f"{url} (the simulator takes it; X would not)")
    try:
        check_url(url)
    except ActionRefused as refused:
        raise Failed(
            f"server.public_url: {refused}",
            "write the https address that X can call, without a port, such as https://bot.example.com",
        ) from refused
    return ok(url)


async def reachable(patient: Patient) -> Result:
    """Somebody answers at the address: its name is known, its certificate good, its path led to the bot."""
    if patient.product.webhooks is None:
        return ok(_NO_WEBHOOK)
    stood_in = await patient.stack.enter_async_context(stand_in(patient.config, patient.facing.secrets))
    split = urlsplit(patient.webhook_url)
    host, port = split.hostname or "", split.port or (443 if split.scheme == "https" else 80)
    try:
        await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Failed(
            f"the name {host} has no address", "make a DNS record for it, or mend server.public_url"
        ) from error
    limit_s = patient.settings.connect_s
    try:
        ends_at = (
            await asyncio.wait_for(_certificate_end(host, port), limit_s) if split.scheme == "https" else None
        )
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=limit_s)) as session,
            session.get(patient.webhook_url, allow_redirects=False) as answer,
        ):
            status = answer.status
    except ssl.SSLError as error:
        why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else _reason(error)
        raise Failed(
            f"the certificate of {host} is not valid: {why}",
            "get one of a public authority for this name, and serve its whole chain",
        ) from error
    except TimeoutError as error:
        raise Failed(
            f"{patient.webhook_url} does not answer within {limit_s:g} s",
            "open the firewall, or mend the proxy before the bot",
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise Failed(f"{patient.webhook_url} can't be reached: {_reason(error)}", _START) from error
    _check_status(status, patient)
    who = "this doctor, in the bot's place" if stood_in else "the bot"
    left_s = None if ends_at is None else ends_at - patient.settings.now()
    if left_s is not None and left_s < _CERTIFICATE_S:
        day = datetime.fromtimestamp(ends_at or 0.0, UTC)
        return warning(f"the certificate of {host} ends on {day:%Y-%m-%d}", "renew it")
    return ok(f"{who} answers at {patient.webhook_url}")


def _check_status(status: int, patient: Patient) -> None:
    url = patient.webhook_url
    if 300 <= status < 400:
        raise Failed(
            f"{url} redirects ({status}), and X takes a webhook that does out of service at once",
            "write the address that it redirects to, or mend the proxy",
        )
    if status == 404:
        raise Failed(
            f"{url} is not found (404)", "lead this path to the bot, or compare server.path with the proxy's"
        )
    if status >= 500:
        raise Failed(f"{url} answers {status}: a proxy that does not find the bot", _START)


async def _certificate_end(host: str, port: int) -> float | None:
    """When the certificate of an address ends, Unix seconds.

    :raises ssl.SSLError: it is not valid.
    """
    context = ssl.create_default_context()
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        found = writer.get_extra_info("peercert") or {}
    finally:
        writer.close()
    ends = found.get("notAfter")
    return None if ends is None else float(ssl.cert_time_to_seconds(ends))


async def challenge(patient: Patient) -> Result:
    """A challenge like X's is answered rightly and in time, through the public address."""
    if patient.product.webhooks is None:
        return ok(_NO_WEBHOOK)
    token = base64.b64encode(str(uuid.uuid4()).encode()).decode("ascii")
    limit_s = patient.settings.challenge_s
    began = time.monotonic()
    slow = Failed(
        f"the challenge (CRC) was not answered within {limit_s:g} s",
        "see what holds requests up before the bot: a sleeping host, a slow proxy, a busy machine",
    )
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=limit_s)) as session,
            session.get(patient.webhook_url, params={"crc_token": token}, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(_MAX_ANSWER)
            status = answer.status
    except TimeoutError as error:
        raise slow from error
    except (aiohttp.ClientError, OSError) as error:
        raise Failed(f"the challenge (CRC) was not answered: {_reason(error)}", _START) from error
    took_s = time.monotonic() - began
    if not 200 <= status < 300:
        raise Failed(
            f"the challenge (CRC) was answered with {status}", "lead GET requests of this path to the bot"
        )
    if not answers_crc(patient.facing.secrets, token, body):
        raise Failed(
            "the challenge (CRC) was answered with a wrong token",
            "run the bot with this bot.yaml: whoever answers there has another x.consumer_secret",
        )
    return ok(f"answered rightly in {took_s * 1000:.0f} ms")


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
