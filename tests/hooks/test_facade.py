"""Hooks without handlers: in order, first answers, what is isolated and what is not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import structlog

from botkit.errors import PluginError
from botkit.hooks.manager import Hooks
from botkit.hooks.specs import Alarm, AppInfo
from botkit.store.contract import DeadLetter

APP = AppInfo(network="simulator", folder=Path())
AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
NOTES = "from botkit import *\nfrom contextlib import asynccontextmanager\nNOTES = []\n"


def notes(hooks: Hooks, hook: str) -> list[Any]:
    """What the plugins noted, in one list per plugin."""
    return [inspect.unwrap(one.function).__globals__["NOTES"] for one in hooks._implementations[hook]]


async def test_the_first_answer_decides_whether_an_event_is_accepted(
    load: Callable[..., Hooks], make: Any
) -> None:
    """None leaves it to the next; without any answer the event is handled."""
    plugin = "from botkit import hookimpl\n@hookimpl\nasync def accept_event(event):\n    return {}"
    event = make.dm("hello")
    assert await Hooks().accept_event(event) is True
    assert not Hooks().has_accept_event
    for answers, accepted in [
        (["None", "None"], True),
        (["None", "False"], False),
        (["True", "False"], True),
        (["False", "1 / 0"], False),
    ]:
        hooks = load("- a\n- b", a=plugin.format(answers[0]), b=plugin.format(answers[1]))
        assert hooks.has_accept_event
        assert await hooks.accept_event(event) is accepted
    with pytest.raises(ZeroDivisionError):
        await load(a=plugin.format("1 / 0")).accept_event(event)


AROUND = (
    NOTES
    + """
@on_direct_message
async def handle(event): ...

@hookimpl
@asynccontextmanager
async def around_handler(event, handler):
    NOTES.append(("begin", handler.id))
    try:
        yield
    except ValueError as error:
        NOTES.append(("raised", str(error)))
        {then}
    NOTES.append("end")
"""
)


async def test_what_is_around_a_handler(load: Callable[..., Hooks], make: Any) -> None:
    """The first plugin's context is the outermost; all see what the handler raises."""
    hooks = load("- a\n- b", a=AROUND.format(then="raise"), b=AROUND.format(then="raise KeyError from error"))
    handler, event = hooks.handlers()[0], make.dm()
    async with hooks.around_handler(event, handler):
        pass
    assert notes(hooks, "around_handler") == [[("begin", "a:handle"), "end"]] * 2
    with pytest.raises(KeyError):
        async with hooks.around_handler(event, handler):
            raise ValueError("x")
    outer, inner = notes(hooks, "around_handler")
    assert inner[2:] == [("begin", "a:handle"), ("raised", "x")]
    assert outer[2:] == [("begin", "a:handle")], "the outer one sees what the inner one made of it"


async def test_a_failure_can_not_be_swallowed(load: Callable[..., Hooks], make: Any) -> None:
    """Or the event would count as handled, and be lost."""
    hooks = load(a=AROUND.format(then="pass"))
    with pytest.raises(ValueError, match="x"):
        async with hooks.around_handler(make.dm(), hooks.handlers()[0]):
            raise ValueError("x")
    assert notes(hooks, "around_handler") == [[("begin", "a:handle"), ("raised", "x"), "end"]]


async def test_nothing_around_a_handler(make: Any, load: Callable[..., Hooks]) -> None:
    """The context is there without plugins, too."""
    async with Hooks().around_handler(make.dm(), load(a=AROUND.format(then="raise")).handlers()[0]):
        pass


TOLD = (
    NOTES
    + """
@on_startup
async def begin(app):
    NOTES.append(app.network)
    {then}

@on_shutdown
async def end():
    NOTES.append("end")
    {then}

@on_error
async def failed(handler, error):
    NOTES.append((handler, error))
    {then}

@on_dead_letter({order})
async def dead(letter):
    NOTES.append(letter.item_id)
    {then}

@on_alarm
async def rings(alarm):
    NOTES.append(alarm.kind)
    {then}
"""
)


async def test_all_plugins_are_told_even_if_one_raises(load: Callable[..., Hooks], make: Any) -> None:
    """The failures are given back and logged by their kind, without their text."""
    with structlog.testing.capture_logs() as logged:
        hooks = load(
            "- a\n- b",
            a=TOLD.format(then="raise ValueError('a secret')", order=""),
            b=TOLD.format(then="pass", order="tryfirst=True"),
            log=structlog.get_logger(),
        )
        error = KeyError("x")
        failures = await hooks.error(make.dm(), "handler", error)  # type: ignore[arg-type]  # only handed on
        failures += await hooks.dead_letter(DeadLetter("dm-1", "a:b", 3, "KeyError"))
        failures += await hooks.alarm(Alarm(kind="silence", on=True, reason="a reason", at=AT))
        failures += await hooks.shutdown()
    assert [(failure.plugin, failure.hook) for failure in failures] == [
        ("a", "on_error"),
        ("a", "on_dead_letter"),
        ("a", "on_alarm"),
        ("a", "on_shutdown"),
    ]
    assert notes(hooks, "on_error") == [[("handler", error), "dm-1", "silence", "end"]] * 2
    assert [(one["event"], one["plugin"], one["hook"], one["error"]) for one in logged] == [
        ("hook_failed", "a", "on_error", "ValueError"),
        ("hook_failed", "a", "on_dead_letter", "ValueError"),
        ("hook_failed", "a", "on_alarm", "ValueError"),
        ("hook_failed", "a", "on_shutdown", "ValueError"),
    ]
    assert "secret" not in str(logged)


def test_the_order_of_other_hooks(load: Callable[..., Hooks]) -> None:
    """bot.yaml's, with tryfirst before it; on_shutdown runs the other way round."""
    a, b = TOLD.format(then="pass", order=""), TOLD.format(then="pass", order="tryfirst=True")
    hooks = load("- a\n- b", a=a, b=b)
    assert [one.plugin for one in hooks._implementations["on_startup"]] == ["a", "b"]
    assert [one.plugin for one in hooks._implementations["on_dead_letter"]] == ["b", "a"]


async def test_startup_ends_with_the_first_failure(load: Callable[..., Hooks]) -> None:
    """A bot whose plugin could not begin does not begin."""
    hooks = load(
        "- a\n- b\n- c",
        a=TOLD.format(then="pass", order=""),
        b=TOLD.format(then="raise LookupError", order=""),
        c=TOLD.format(then="pass", order=""),
    )
    with pytest.raises(LookupError):
        await hooks.startup(APP)
    assert notes(hooks, "on_startup") == [["simulator"], ["simulator"], []]


async def test_shutdown_goes_backwards(load: Callable[..., Hooks]) -> None:
    """What began last ends first."""
    shared = (
        "import sys\nfrom botkit import on_shutdown\n@on_shutdown\nasync def end():\n    raise ValueError"
    )
    hooks = load("- a\n- b", a=shared, b=shared)
    assert [failure.plugin for failure in await hooks.shutdown()] == ["b", "a"]


REGISTERS = """
import click
from contextlib import asynccontextmanager
from botkit import hookimpl

@hookimpl
def register_commands(cli):
    cli.add_command(click.Command("greet"))

@hookimpl
def register_routes(router):
    router.append("/greet")

@hookimpl
def register_store(url):
    return {store}

@hookimpl
@asynccontextmanager
async def open_tunnel(port):
    yield f"https://example.com:{{port}}"
"""


async def test_registering(load: Callable[..., Hooks]) -> None:
    """Commands and routes of all plugins, the store and the tunnel of the first that answers."""
    hooks = load("- a\n- b", a=REGISTERS.format(store="None"), b=REGISTERS.format(store="url"))
    cli, routes = click.Group(), list[str]()
    hooks.register_commands(cli)
    hooks.register_routes(routes)  # type: ignore[arg-type]  # only handed on
    assert list(cli.commands) == ["greet"]
    assert routes == ["/greet", "/greet"]
    assert hooks.register_store("memory://") == "memory://"
    tunnel = hooks.open_tunnel(8080)
    assert tunnel is not None
    async with tunnel as address:
        assert address == "https://example.com:8080"
    assert Hooks().register_store("memory://") is None
    assert Hooks().open_tunnel(8080) is None


def test_a_hook_that_raises_at_start_is_the_plugins_error(load: Callable[..., Hooks]) -> None:
    """One line with its place."""
    hooks = load(a=REGISTERS.format(store="1 // 0"))
    with pytest.raises(PluginError) as refused:
        hooks.register_store("memory://")
    assert str(refused.value) == (
        "plugins/a.py:14: register_store() raised ZeroDivisionError: integer division or modulo by zero"
    )
