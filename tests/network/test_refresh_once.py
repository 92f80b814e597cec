"""A refresh token that 8 tasks in 2 processes need at once is used exactly once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import pytest
from aiohttp import web

from botkit.network.keys import KeyRing
from botkit.network.vault import Account, OAuth2Tokens, Vault
from botkit.store import open_store

from .stub_x import StubX

REFRESHING = Path(__file__).with_name("refreshing.py")


@pytest.fixture
async def served() -> AsyncIterator[tuple[StubX, str]]:
    """The stub of X, over HTTP."""
    x = StubX()

    async def answer(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        answered = await x.send(request.method, str(request.url), headers, await request.read())
        return web.Response(status=answered.status, body=answered.body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield x, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_8_tasks_in_2_processes_refresh_once(
    served: tuple[StubX, str], postgres_url: str, tmp_path: Path
) -> None:
    x, api_url = served
    access, refresh = x.grant("42")
    store = open_store(postgres_url)
    await store.open()
    try:
        vault = Vault(store, KeyRing(tmp_path, {}))
        await vault.put(Account(id="42", oauth2=OAuth2Tokens(access, refresh)))
        x.gate.clear()  # X takes its time, so that all of them come while it does
        processes = [await _start(tmp_path, postgres_url, api_url, access) for _ in range(2)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            await process.stdin.drain()
        # one asks X, and the other one waits for it; if both ask, the test fails below
        await _until(x.came(2), *(_line(process) for process in processes))
        x.gate.set()
        told = await asyncio.gather(*(process.communicate() for process in processes))
        got = [token for out, _ in told for token in json.loads(out.splitlines()[-1])]
        assert got == ["42-access-2"] * 8
        assert x.refreshes == [refresh]
        stored = await vault.get_now("42")
        assert stored is not None
        assert stored.oauth2 is not None
        assert (stored.oauth2.access_token, stored.oauth2.refresh_token) == ("42-access-2", "42-refresh-2")
        for _, log in told:
            assert b"-access-" not in log
            assert b"-refresh-" not in log
    finally:
        await store.close()


async def _until(*any_of: Coroutine[object, object, object]) -> None:
    """Return when one of them has; 20 seconds at most."""
    tasks = [asyncio.ensure_future(each) for each in any_of]
    try:
        done, _ = await asyncio.wait(tasks, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _line(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    assert await process.stdout.readline() == b"waits\n"


async def _start(folder: Path, store: str, api_url: str, used: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(REFRESHING),
        store,
        api_url,
        used,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process
