"""aiohttp as transport: every ending of a request is either an answer, safe to repeat, or unknown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from botkit.errors import OutcomeUnknown, XUnavailable
from botkit.network.transport import AiohttpTransport

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    transport = AiohttpTransport(now=lambda: 42.0)
    yield transport
    await transport.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Serve one handler at every path; returns the address."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """A bare TCP server, for answers that no HTTP server gives."""
    servers: list[asyncio.Server] = []

    async def start(
        serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_a_request_goes_out_as_it_is(serve, transport):
    seen = []

    async def handler(request):
        seen.append((request.method, request.raw_path, request.headers["x-one"], await request.read()))
        return web.Response()

    url = await serve(handler)
    await transport.send("POST", f"{url}/2/a%2Fb?q=1%202&c=%2B", {"x-one": "1"}, b'{"a": 1}')
    assert seen == [("POST", "/2/a%2Fb?q=1%202&c=%2B", "1", b'{"a": 1}')]


@pytest.mark.parametrize("target", ["/", "/2/a%2Fb", "//2/a", "/2/a?q=%2F", "/2/a;b=%7e"])
async def test_addresses_of_several_origins_go_out_as_they_are(serve, transport, target):
    seen = []

    def at(name):
        async def handler(request):
            seen.append((name, request.raw_path))
            return web.Response()

        return handler

    first, second = await serve(at("first")), await serve(at("second"))
    for url in (first, second, first):
        await transport.send("GET", f"{url}{target}", {}, None)
    assert seen == [("first", target), ("second", target), ("first", target)]


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503])
async def test_every_status_is_an_answer(serve, transport, status):
    async def handler(_request):
        return web.Response(status=status, body=b"" if status == 204 else b"{}", headers={"X-Rate": "7"})

    answer = await transport.send("GET", await serve(handler), {}, None)
    assert (answer.status, answer.body) == (status, b"" if status == 204 else b"{}")
    assert answer.headers["x-rate"] == "7"
    assert answer.received_at == 42.0


async def test_a_redirect_is_an_answer_and_not_followed(serve, transport):
    paths = []

    async def handler(request):
        paths.append(request.path)
        return web.Response(status=307, headers={"location": "/elsewhere"})

    answer = await transport.send("POST", f"{await serve(handler)}/here", {"authorization": "secret"}, b"x")
    assert answer.status == 307
    assert paths == ["/here"]


async def test_cookies_are_not_kept(serve, transport):
    cookies = []

    async def handler(request):
        cookies.append(request.headers.get("cookie"))
        return web.Response(headers={"set-cookie": "guest_id=1; Path=/"})

    # by name: aiohttp keeps cookies of addresses in no case
    url = (await serve(handler)).replace("127.0.0.1", "localhost")
    for _ in range(2):
        await transport.send("GET", url, {}, None)
    assert cookies == [None, None]


async def test_nobody_listens_is_safe_to_try_again(transport, listen):
    async def never(_reader, _writer):
        raise AssertionError("nobody listens any more")

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(XUnavailable, match="can't connect"):
        await transport.send("POST", f"http://127.0.0.1:{port}/", {}, b"x")


async def test_a_name_that_nobody_has_is_safe_to_try_again(transport):
    with pytest.raises(XUnavailable, match="can't connect"):
        await transport.send("POST", "http://no-such-host.invalid/", {}, b"x")


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 201 Crea", b"HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\n{}", b"SSH-2.0\r\n"],
)
async def test_cut_off_behind_the_request_nobody_knows(transport, listen, answer):
    async def cut(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    with pytest.raises(OutcomeUnknown, match=r"no answer: .+"):
        await transport.send("POST", await listen(cut), {}, b"")


async def test_no_answer_in_time_nobody_knows(serve):
    transport, over = AiohttpTransport(timeout_s=0.05), asyncio.Event()

    async def handler(_request):
        await over.wait()
        return web.Response()

    try:
        with pytest.raises(OutcomeUnknown, match=r"no answer: .+"):
            await transport.send("POST", await serve(handler), {}, b"x")
    finally:
        over.set()
        await transport.close()


async def test_who_is_cancelled_is_cancelled(serve, transport):
    """A handler whose time is up, or a bot that stops: no word about an outcome."""
    came, over = asyncio.Event(), asyncio.Event()

    async def handler(_request):
        came.set()
        await over.wait()
        return web.Response()

    task = asyncio.create_task(transport.send("POST", await serve(handler), {}, b"x"))
    await came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    over.set()


async def test_it_can_be_closed_twice_and_used_again(serve):
    async def handler(_request):
        return web.Response()

    transport, url = AiohttpTransport(), await serve(handler)
    await transport.close()
    for _ in range(2):
        assert (await transport.send("GET", url, {}, None)).status == 200
        await transport.close()
        await transport.close()


@pytest.mark.parametrize("how", ["told", "chunked", "compressed"])
async def test_an_answer_that_is_too_long_is_not_read(
    serve: Callable[[Handler], Awaitable[str]], how: str
) -> None:
    async def long(request: web.Request) -> web.StreamResponse:
        answer = web.Response(body=b"x" * 2000)
        if how == "chunked":
            answer.enable_chunked_encoding()
        if how == "compressed":
            answer.enable_compression(force=web.ContentCoding.gzip)
        return answer

    url = await serve(long)
    transport = AiohttpTransport(max_body=1000)
    with pytest.raises(OutcomeUnknown, match="longer than 1000 bytes"):
        await transport.send("GET", f"{url}/", {}, None)
    await transport.close()
    transport = AiohttpTransport(max_body=2000)
    assert (await transport.send("GET", f"{url}/", {}, None)).body == b"x" * 2000
    await transport.close()
