"""The whole set-up of a bot, step by step, up to a direct message that it answers."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from botkit.app import App, Running
from botkit.cli.control import Simulator
from botkit.cli.ears import Ears, Watching
from botkit.config import Config, load_config
from botkit.doctor import Failed, Result, Settings, Status, keys, there
from botkit.doctor.patient import Listener, Patient
from botkit.errors import BotkitError, UserError
from botkit.events import DirectMessage
from botkit.hooks.manager import Hooks, load_plugins
from botkit.log import Logger
from botkit.network.flows import PIN
from botkit.network.keys import KeyRing
from botkit.network.transport import AiohttpTransport
from botkit.network.tunnel import Tunnels
from botkit.network.vault import Vault
from botkit.roles.accounts import open_accounts
from botkit.roles.facing import outside
from botkit.roles.own import OWN, without_own
from botkit.roles.tunnelled import tunnelled
from botkit.store import open_store

__all__ = ["Connecting", "Step", "Wishes"]

T = TypeVar("T")

_AGAIN = "then run botkit connect again: what is done stays done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the set-up is made.

    :param sign_in: sign an account in, even though bot.yaml has one of its own.
    :param tunnel: be reached through a tunnel as long as this runs.
    :param timeout_s: how long a person may take for the sign-in, and for the direct message.
    :param text: what the test message says.
    """

    sign_in: bool = False
    tunnel: bool = False
    timeout_s: float = 600.0
    text: str = "hello"


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did.

    :param fix: what to do when it failed.
    """

    name: str
    ok: bool
    line: str
    fix: str = ""


@dataclass(slots=True)
class Connecting:
    """One set-up.

    :param tell: called when a step is done.
    :param say: tells a person what to do now.
    :param ask_pin: asks a person for the PIN that X shows.
    :param log: where the bot's own log goes; ``None``: nowhere.
    :param tunnels: the ways that this machine has to open a tunnel.
    """

    file: Path
    wishes: Wishes
    tell: Callable[[Step], None]
    say: Callable[[str], None]
    ask_pin: Callable[[], Awaitable[str]]
    log: Logger | None = None
    tunnels: Tunnels | None = None
    _config: Config = field(default_factory=Config)
    _hooks: Hooks = field(default_factory=Hooks)
    _signed_in: str = ""
    _handle: str = ""

    async def run(self) -> bool:
        """Do it all. False: a step failed, and the ones behind it were not begun."""
        try:
            async with AsyncExitStack() as stack:
                await self._all(stack)
            await self._forget_simulated()
        except _Stopped as stopped:
            self.tell(Step(stopped.name, ok=False, line=stopped.line, fix=stopped.fix))
            return False
        return True

    async def _all(self, stack: AsyncExitStack) -> None:
        ears = Ears(self.log)
        await self._step("bot.yaml", self._read(ears))
        transport = AiohttpTransport()
        stack.push_async_callback(transport.close)
        patient = self._patient(stack, transport, ears)
        if self._config.network == "x":
            await self._checks("app", patient, keys.reach, keys.clock, keys.app_token)
        if self.wishes.tunnel:
            await self._step("tunnel", self._tunnel(stack, ears))
            patient = self._patient(stack, transport, ears)
        by_page = self._by_page
        if not by_page:
            await self._account_before(patient, ears)
        bot = _Bot(self._config, self._hooks, ears)
        stack.push_async_callback(bot.stop)
        running = await self._step_of("bot", bot.start())
        self._found("bot", f"runs at {running.url}")
        local = running.url if self._config.server.public_url is None else self._config.server.public_url
        if self._config.network == "simulator":
            patient.x = dataclasses.replace(outside(self._config), api_url=running.simulator_url)
            patient.config = self._at(running)
        if by_page:
            await self._step("account", self._page(ears, f"{local.rstrip('/')}/connect", patient))
        await self._checks("webhook", patient, there.webhook, fix=_reason(ears))
        await self._checks("subscriptions", patient, there.subscriptions, fix=_reason(ears))
        if self._config.x.delivery == "activity_stream":
            await self._step("stream", self._stream(ears))
        await self._step("direct message", self._message(bot, ears, running))

    # -- the steps ---------------------------------------------------------------------------------------

    async def _read(self, ears: Ears) -> str:
        config = load_config(self.file, environ=os.environ, complete=False)
        if config.missing:
            alone = without_own(config)
            if alone is None:
                needed = [error for error in config.missing if error.path not in OWN] or list(config.missing)
                raise needed[0]
            config = alone
        self._config, self._hooks = config, load_plugins(config, log=ears.logger)
        handlers = len(self._hooks.handlers())
        if DirectMessage not in self._hooks.needed_events():
            raise UserError(
                "no plugin answers direct messages, so nothing could be tried; name one under plugins:"
            )
        counted = f"{handlers} handler{'' if handlers == 1 else 's'}"
        return f"{config.file}: network {config.network}, delivery {config.x.delivery}, {counted}"

    async def _tunnel(self, stack: AsyncExitStack, ears: Ears) -> str:
        opened = tunnelled(self._config, self._hooks, log=ears.logger, tunnels=self.tunnels)
        self._config = await stack.enter_async_context(opened)
        return f"the bot is reached at {self._config.server.public_url} as long as this runs"

    @property
    def _has_own(self) -> bool:
        return bool(self._config.x.access_token) and not self.wishes.sign_in

    @property
    def _by_page(self) -> bool:
        """An account signs in on the bot's page: where X can send its owner back to, and who may is said."""
        config = self._config
        return config.network == "simulator" or (
            not self._has_own and config.server.public_url is not None and config.serves_connect
        )

    async def _account_before(self, patient: Patient, ears: Ears) -> None:
        """The account of bot.yaml, or one that signs in with a PIN."""
        if self._has_own:
            await self._checks("account", patient, keys.account, keys.permission)
        else:
            await self._step("account", self._pin(patient, ears))

    async def _pin(self, patient: Patient, ears: Ears) -> str:
        store = self._hooks.register_store(self._config.store_url) or open_store(self._config.store_url)
        await store.open()
        try:
            sign_in = open_accounts(
                self._config,
                patient.facing.credentials,
                api_url=patient.facing.api_url,
                store=store,
                transport=patient.listener,
                log=ears.logger,
                now=time.time,
            )
            begun = await sign_in.flows.begin_oauth1(PIN)
            self.say(f"Open this address, sign in as the bot's account, and allow the app:\n  {begun.url}")
            pin = await self.ask_pin()
            signed = await sign_in.flows.finish_oauth1(begun, token=begun.token, verifier=pin)
            account = await sign_in.accounts.connected(signed)
        finally:
            await store.close()
        patient.account_ids.append(account.id)
        self._handle = account.username
        return f"@{account.username} has signed in"

    async def _page(self, ears: Ears, url: str, patient: Patient) -> str:
        self.say(f"Open this page, press the button, and sign in as the bot's account:\n  {url}")
        names = "account_connected", "sign_in_not_allowed", "sign_in_failed"
        timeout_s = self.wishes.timeout_s
        if not await ears.until(lambda: ears.last(*names), timeout_s):
            raise Failed(
                f"nobody signed in within {timeout_s:g} s", "run botkit connect again, and open the page"
            )
        line = ears.last(*names) or {}
        if line["event"] != "account_connected":
            why = line.get("error", f"@{line.get('username')} is not in connect.allow")
            raise Failed(f"the sign-in failed: {why}", _AGAIN)
        came = ears.lines.index(line)
        done = "connected", "account_not_subscribed"
        if not await ears.until(lambda: ears.last(*done, after=came), timeout_s):
            raise Failed("X did not answer about the account's subscriptions", _AGAIN)
        subscribed = ears.last(*done, after=came) or {}
        if subscribed["event"] != "connected":
            raise Failed(f"X did not subscribe the account: {subscribed['error']}", _AGAIN)
        self._signed_in = str(line["account"])
        patient.account_ids.append(self._signed_in)
        self._handle = str(line["username"])
        return f"@{line['username']} has signed in"

    async def _stream(self, ears: Ears) -> str:
        """What happens before the stream is open may be lost."""
        if not await ears.until(lambda: ears.last("stream_opened"), self.wishes.timeout_s):
            last = ears.last("stream_lost") or {}
            raise Failed(
                f"X's stream did not open: {last.get('reason', 'no answer')}",
                "see that no other process of this app reads it: X takes few connections at a time",
            )
        return "X's stream is open"

    async def _message(self, bot: _Bot, ears: Ears, running: Running) -> str:
        before = bot.sent
        timeout_s = self.wishes.timeout_s
        if self._config.network == "simulator":
            simulator = Simulator(running.simulator_url)
            await asyncio.to_thread(simulator.post, "dm", {"from": "alice", "text": self.wishes.text})
        else:
            handle = running.account or self._handle
            who = f"@{handle}" if handle else "the bot's account"
            self.say(f'From another account, write a direct message to {who}: "{self.wishes.text}"')
        if not await ears.until(lambda: bot.sent > before or bot.ended, timeout_s):
            last = ears.last("handler_failed", "action_refused", "sending_paused")
            why = f": {last.get('error', last['event'])}" if last else ""
            raise Failed(
                f"no direct message was answered within {timeout_s:g} s{why}",
                "see botkit doctor and botkit inbox dead list; does a plugin answer this text?",
            )
        if bot.sent == before:
            raise Failed("the bot ended", "see its log: botkit connect -v")
        return "the bot answered a direct message"

    async def _forget_simulated(self) -> None:
        """The tokens of an account of the simulator that ends here are good for nothing any more."""
        if self._config.network != "simulator" or not self._signed_in:
            return
        store = self._hooks.register_store(self._config.store_url) or open_store(self._config.store_url)
        await store.open()
        try:
            await Vault(store, KeyRing(self._config.folder, os.environ)).remove(self._signed_in)
        finally:
            await store.close()

    # -- how steps are run -------------------------------------------------------------------------------

    def _patient(self, stack: AsyncExitStack, transport: AiohttpTransport, ears: Ears) -> Patient:
        return Patient(
            self.file,
            os.environ,
            Settings(),
            stack,
            Listener(transport),
            ears.logger,
            self._config,
            self._hooks,
            outside(self._config),
        )

    def _at(self, running: Running) -> Config:
        """The configuration with the ports that were taken."""
        public = self._config.server.public_url or running.url
        return dataclasses.replace(
            self._config, server=dataclasses.replace(self._config.server, public_url=public)
        )

    async def _checks(
        self, name: str, patient: Patient, *checks: Callable[[Patient], Awaitable[Result]], fix: str = ""
    ) -> None:
        async def look() -> str:
            lines = []
            for check in checks:
                result = await check(patient)
                if result.status is not Status.OK and check in {there.webhook, there.subscriptions}:
                    raise Failed(result.line, fix or result.fix)
                lines.append(result.text)
            return "; ".join(lines)

        await self._step(name, look())

    async def _step(self, name: str, doing: Awaitable[str]) -> None:
        self._found(name, await self._step_of(name, doing))

    async def _step_of(self, name: str, doing: Awaitable[T]) -> T:
        try:
            return await doing
        except Failed as failed:
            raise _Stopped(name, failed.line, failed.fix) from failed
        except BotkitError as error:
            raise _Stopped(name, str(error), _AGAIN) from error

    def _found(self, name: str, line: str) -> None:
        self.tell(Step(name, ok=True, line=line))


class _Stopped(Exception):
    """A step failed."""

    def __init__(self, name: str, line: str, fix: str) -> None:
        super().__init__(line)
        self.name, self.line, self.fix = name, line, fix


class _Bot:
    """A bot that runs beside us.

    :ivar sent: how many direct messages X took of it.
    """

    def __init__(self, config: Config, hooks: Hooks, ears: Ears) -> None:
        self.sent = 0
        self._ears = ears
        transport = Watching(AiohttpTransport(), self._count)
        self._app = App(config, hooks, log=ears.logger, transport=transport)
        self._task: asyncio.Task[None] | None = None

    def _count(self) -> None:
        self.sent += 1
        self._ears.wake()

    @property
    def ended(self) -> bool:
        return self._task is None or self._task.done()

    async def start(self) -> Running:
        """Return when it runs.

        :raises UserError: it can't.
        """
        ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._app.run(ready.set_result), name="bot")
        self._task.add_done_callback(lambda _: self._ears.wake())
        waiting: set[asyncio.Future[Any]] = {self._task, ready}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            self._task.result()
            raise UserError("the bot ended before it ran")
        return ready.result()

    async def stop(self) -> None:
        """End it gracefully."""
        self._app.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)


def _reason(ears: Ears) -> str:
    """Why the bot could not make things so, where it said why."""
    line = ears.last("not_connected")
    return f"{line['error']}; {_AGAIN}" if line is not None else ""
