"""A public address for a port of this machine, for as long as it is needed.

Three ways, the first that is there: a plugin's ``open_tunnel``, cloudflared where it is installed (a quick
tunnel: no account), ngrok through pyngrok, the extra ``botkit[tunnel]`` (an account's token in
``NGROK_AUTHTOKEN``).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from structlog.typing import FilteringBoundLogger

from botkit.errors import UserError

__all__ = ["Tunnels", "open_tunnel"]

_CLOUDFLARED: Final = re.compile(r"https://(?!api\.)[a-z0-9-]+\.trycloudflare\.com\b")
_URL: Final = re.compile(r"https?://[^\s/?#@]+/?")
#: how long a program may take to end when it is told to
_END_S: Final = 5.0
#: between two looks at whether ngrok still runs
_LOOK_S: Final = 5.0
#: a name that is new takes a moment to be known everywhere
_NAME_TRIES: Final = 30
_NONE = (
    "--tunnel finds no way to open one: install cloudflared, or pip install 'botkit[tunnel]' and set "
    "NGROK_AUTHTOKEN, or load a plugin that has open_tunnel"
)


def _ngrok() -> Any:
    """pyngrok's module, or ``None``."""
    if importlib.util.find_spec("pyngrok") is None:
        return None
    # It logs what ngrok says, which may quote the token; unhandled, warnings would go to standard error.
    logging.getLogger("pyngrok").addHandler(logging.NullHandler())
    return importlib.import_module("pyngrok.ngrok")


async def _is_known(host: str) -> bool:
    try:
        await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnels:
    """The ways that this machine has.

    :param cloudflared: the program's path, or ``None``; asked when it is needed.
    :param ngrok: pyngrok's module ``ngrok``, or ``None``.
    :param start_s: how long a tunnel may take to have an address.
    :param is_known: whether a host has an address by now.
    :param sleep: waits that many seconds between two looks.
    """

    cloudflared: Callable[[], str | None] = lambda: shutil.which("cloudflared")
    ngrok: Callable[[], Any] = _ngrok
    start_s: float = 30.0
    is_known: Callable[[str], Awaitable[bool]] = _is_known
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@asynccontextmanager
async def open_tunnel(
    port: int,
    *,
    offered: AbstractAsyncContextManager[str] | None,
    log: FilteringBoundLogger,
    tunnels: Tunnels | None = None,
) -> AsyncIterator[str]:
    """A tunnel to a local port: gives its public address, without a path, and closes it at the end.

    :param offered: a plugin's.
    :raises UserError: there is no way to open one, or it can't be opened; one line with the fix.
    """
    tunnels = tunnels or Tunnels()
    program = tunnels.cloudflared() if offered is None else None
    ngrok = tunnels.ngrok() if offered is None and program is None else None
    if offered is not None:
        how, opening = "plugin", offered
    elif program is not None:
        how, opening = "cloudflared", _through_cloudflared(program, port, tunnels.start_s, log)
    elif ngrok is not None:
        how, opening = "ngrok", _through_ngrok(ngrok, port, tunnels.sleep, log)
    else:
        raise UserError(_NONE)
    async with opening as given:
        if _URL.fullmatch(str(given)) is None:
            raise UserError(f"the tunnel ({how}) gave no address such as https://bot.example.com")
        url = given.rstrip("/")
        await _until_known(urlsplit(url).hostname or "", tunnels, log)
        log.info("tunnel_opened", url=url, through=how)
        yield url
    log.info("tunnel_closed")


async def _until_known(host: str, tunnels: Tunnels, log: FilteringBoundLogger) -> None:
    for _ in range(_NAME_TRIES):
        if await tunnels.is_known(host):
            return
        await tunnels.sleep(1.0)
    log.warning("tunnel_name_unknown", host=host)


# -- cloudflared ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def _through_cloudflared(
    program: str, port: int, start_s: float, log: FilteringBoundLogger
) -> AsyncIterator[str]:
    """A quick tunnel: the program writes its address among its log lines, and ends with us."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "tunnel",
            "--no-autoupdate",
            "--url",
            f"http://127.0.0.1:{port}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: the webhook is removed before the tunnel closes
        )
    except OSError as error:
        raise UserError(f"{program} can't be started: {error.strerror}") from None
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(_read(process, found, log), name="cloudflared")
    try:
        try:
            async with asyncio.timeout(start_s):
                url = await found
        except TimeoutError:
            raise UserError(
                f"cloudflared gave no address within {start_s:g} s; see what it says: "
                f"cloudflared tunnel --url http://127.0.0.1:{port}"
            ) from None
        yield url
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await _end(process)


async def _read(
    process: asyncio.subprocess.Process, found: asyncio.Future[str], log: FilteringBoundLogger
) -> None:
    """Look for the address, then keep reading, so that the program never waits for us."""
    if process.stdout is None:
        raise RuntimeError("the program's output is not read")
    last = b""
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            continue  # a line without an end
        if not line:
            break
        last = line.strip() or last
        match = _CLOUDFLARED.search(line.decode("utf-8", "replace"))
        if match is not None and not found.done():
            found.set_result(match[0])
    status = await process.wait()
    if found.done():
        _tell_ended(status, log)
    else:
        said = last.decode("utf-8", "replace")[:200]
        found.set_exception(
            UserError(f"cloudflared ended with status {status} before it had an address: {said}")
        )


def _tell_ended(status: int, log: FilteringBoundLogger) -> None:
    log.error("tunnel_ended", status=status, fix="start the bot again")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_END_S):
                await process.communicate()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


# -- ngrok ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _through_ngrok(
    ngrok: Any, port: int, sleep: Callable[[float], Awaitable[None]], log: FilteringBoundLogger
) -> AsyncIterator[str]:
    """pyngrok's tunnel; its functions block, so they run in a thread."""
    config = ngrok.conf.PyngrokConfig()
    # pyngrok would write the token among the program's arguments, where everybody on the machine reads it;
    # the program takes it from the environment, or from its own configuration, by itself
    config.auth_token = None
    config.start_new_session = True  # Ctrl-C is for us: the webhook is removed before the tunnel closes
    try:
        url = await _connected(ngrok, port, config)
        program = ngrok.get_ngrok_process(config).proc
        watching = asyncio.create_task(_watch(program, sleep, log), name="ngrok")
        try:
            yield url
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            with suppress(Exception):  # ngrok may have ended before us, and its tunnel with it
                await asyncio.to_thread(ngrok.disconnect, url, config)
    finally:
        await asyncio.to_thread(ngrok.kill, config)


async def _connected(ngrok: Any, port: int, config: Any) -> str:
    try:
        opened = await asyncio.to_thread(ngrok.connect, str(port), "http", pyngrok_config=config)
    except Exception as error:  # noqa: BLE001 - made one line, without a cause that may quote the token
        raise UserError(f"ngrok opens no tunnel: {_said(error)}; {_ngrok_fix(error)}") from None
    return str(opened.public_url)


async def _watch(program: Any, sleep: Callable[[float], Awaitable[None]], log: FilteringBoundLogger) -> None:
    """Tell when a program that nobody waits for has ended."""
    while program.poll() is None:
        await sleep(_LOOK_S)
    _tell_ended(program.poll(), log)


def _said(error: Exception) -> str:
    """An error of ngrok's in one line. It may quote the token, which is nobody's business."""
    said = " ".join(str(error).split())
    token = os.environ.get("NGROK_AUTHTOKEN", "").strip()
    return (said.replace(token, "…") if token else said)[:300].rstrip(" .")


def _ngrok_fix(error: Exception) -> str:
    if type(error).__name__ == "PyngrokNgrokInstallError":
        return (
            "see that bin.ngrok.com, which pyngrok has the program from, is reached; or install cloudflared"
        )
    return "see that NGROK_AUTHTOKEN is set in the environment, and right"
