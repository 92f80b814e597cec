"""Every plugin that can't be loaded as written is refused with one exact line: place, what is wrong, fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from botkit.errors import ConfigError, PluginError
from botkit.hooks.manager import Hooks

REFUSED = {
    "a syntax error": (
        """
        from botkit import on_follow
        async def greet(event:
        """,
        "plugins/faq.py:2: is not valid Python: '(' was never closed",
    ),
    "an exception on import": (
        """
        from botkit import on_follow
        LIMIT = 1 // 0
        """,
        "plugins/faq.py:2: its import raised ZeroDivisionError: integer division or modulo by zero",
    ),
    "a program that ends itself": (
        "raise SystemExit(3)",
        "plugins/faq.py:1: its import raised SystemExit: 3",
    ),
    "an error of several lines": (
        "raise ValueError('first\\nsecond')",
        "plugins/faq.py:1: its import raised ValueError: first second",
    ),
    "a library that is not installed": (
        "import no_such_library",
        "plugins/faq.py:1: imports 'no_such_library', which is not installed; install it or correct the name",
    ),
    "a misspelt decorator": (
        "from botkit import on_direct_mesage",
        "plugins/faq.py:1: botkit has no 'on_direct_mesage'; did you mean on_direct_message?",
    ),
    "a misspelt decorator by attribute": (
        """
        import botkit

        @botkit.on_folow
        async def greet(event): ...
        """,
        "plugins/faq.py:3: botkit has no 'on_folow'; did you mean on_follow?",
    ),
    "a misspelt filter": (
        "from botkit import on_direct_message, contain",
        "plugins/faq.py:1: botkit has no 'contain'; did you mean contains?",
    ),
    "a sync handler": (
        """
        from botkit import on_direct_message

        @on_direct_message
        def hello(event, bot):
            return "hi"
        """,
        "plugins/faq.py:4: hello() is not async; make it `async def hello`",
    ),
    "a sync handler of one argument": (
        """
        from botkit import on_direct_message

        @on_direct_message
        def hello(event):
            return "hi"
        """,
        "plugins/faq.py:4: hello() is not async; make it `async def hello`",
    ),
    "a sync handler under a called decorator": (
        """
        from botkit import contains, on_direct_message

        @on_direct_message(
            contains("price"),
        )
        def hello(event):
            return "hi"
        """,
        "plugins/faq.py:6: hello() is not async; make it `async def hello`",
    ),
    "an unknown argument": (
        """
        from botkit import on_direct_message

        @on_direct_message
        async def hello(evnt, bot): ...
        """,
        (
            "plugins/faq.py:4: hello() takes 'evnt', which is never given; on_direct_message gives "
            "event, bot; "
            "did you mean event?"
        ),
    ),
    "an argument that the filter does not give": (
        r"""
        from botkit import on_direct_message, regex

        @on_direct_message(regex(r"order (?P<number>\d+)"))
        async def hello(event, bot, nummer: int): ...
        """,
        (
            "plugins/faq.py:4: hello() takes 'nummer', which is never given; on_direct_message "
            "gives event, bot, "
            "number; did you mean number?"
        ),
    ),
    "an argument far from all": (
        """
        from botkit import on_follow

        @on_follow
        async def greet(event, db): ...
        """,
        "plugins/faq.py:4: greet() takes 'db', which is never given; on_follow gives event, bot",
    ),
    "arguments that are not named": (
        """
        from botkit import on_follow

        @on_follow
        async def greet(*args): ...
        """,
        "plugins/faq.py:4: greet() takes *args; arguments are given by name: write each of them out",
    ),
    "keyword arguments that are not named": (
        """
        from botkit import on_follow

        @on_follow
        async def greet(**given): ...
        """,
        "plugins/faq.py:4: greet() takes **given; arguments are given by name: write each of them out",
    ),
    "an argument by position only": (
        """
        from botkit import on_follow

        @on_follow
        async def greet(event, /): ...
        """,
        (
            "plugins/faq.py:4: greet() takes 'event' by position only; arguments are given by name: "
            "write each of them out"
        ),
    ),
    "an annotation that no text can become": (
        """
        from botkit import command, on_direct_message

        @on_direct_message(command("order"))
        async def order(event, bot, number: list[int]): ...
        """,
        (
            "plugins/faq.py:4: 'number' is annotated as list[int], and a text can't become that; "
            "use str, int, float, bool, Decimal, date, an Enum or a Literal"
        ),
    ),
    "an annotation for type checkers only": (
        """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        from botkit import command, on_direct_message
        if TYPE_CHECKING:
            from decimal import Decimal

        @on_direct_message(command("pay"))
        async def pay(amount: Decimal): ...
        """,
        (
            "plugins/faq.py:8: the annotation of 'amount' can't be evaluated (NameError: name "
            "'Decimal' is not "
            "defined); import its type outside `if TYPE_CHECKING`"
        ),
    ),
    "another hook's event": (
        """
        from botkit import Bot, Follow, on_direct_message

        @on_direct_message
        async def greet(event: Follow, bot: Bot): ...
        """,
        (
            "plugins/faq.py:4: greet() takes event: Follow, but on_direct_message gives DirectMessage; "
            "did you mean @on_follow?"
        ),
    ),
    "one event for all": (
        """
        from botkit import Follow, on_event

        @on_event
        async def greet(event: Follow): ...
        """,
        "plugins/faq.py:4: greet() takes event: Follow, but on_event gives Event; write event: Event",
    ),
    "an event that is none": (
        """
        from botkit import on_follow

        @on_follow
        async def greet(event: str): ...
        """,
        "plugins/faq.py:4: greet() takes event: str, but on_follow gives Follow; write event: Follow",
    ),
    "a hookimpl for no hook": (
        """
        from botkit import hookimpl

        @hookimpl
        async def on_folow(event): ...
        """,
        "plugins/faq.py:4: there is no hook 'on_folow'; did you mean on_follow?",
    ),
    "a hookimpl far from all": (
        """
        from botkit import hookimpl

        @hookimpl
        async def xyzzy(event): ...
        """,
        "plugins/faq.py:4: there is no hook 'xyzzy'; docs/plugins.md lists them",
    ),
    "a wrapper of pluggy's": (
        """
        from botkit import hookimpl

        @hookimpl(wrapper=True)
        def on_follow(event):
            return (yield)
        """,
        (
            "plugins/faq.py:4: on_follow() is a wrapper of pluggy's, and those can't wait; "
            "write an around_handler hook"
        ),
    ),
    "an undecorated event hook": (
        """
        async def on_follow(event, bot): ...
        """,
        "plugins/faq.py:1: on_follow() is not decorated, so it would never run; put @on_follow above it",
    ),
    "an undecorated other hook": (
        """
        async def accept_event(event): ...
        """,
        "plugins/faq.py:1: accept_event() is not decorated, so it would never run; put @hookimpl above it",
    ),
    "an undecorated, misspelt hook": (
        """
        async def on_folow(event, bot): ...
        """,
        (
            "plugins/faq.py:1: on_folow() is not decorated, and there is no hook of that name; "
            "did you mean on_follow?"
        ),
    ),
    "an undecorated function that looks like a hook": (
        """
        def on_the_moon(): ...
        """,
        (
            "plugins/faq.py:1: on_the_moon() is not decorated, and there is no hook of that name; "
            "if it is no handler, rename it _on_the_moon"
        ),
    ),
    "a hook that must be async": (
        """
        from botkit import on_startup

        @on_startup
        def begin(app): ...
        """,
        "plugins/faq.py:4: begin() is not async; make it `async def begin`",
    ),
    "a hook that must not be async": (
        """
        from botkit import hookimpl

        @hookimpl
        async def register_routes(router): ...
        """,
        (
            "plugins/faq.py:4: register_routes() is async, but register_routes is not awaited; "
            "make it `def register_routes`"
        ),
    ),
    "a generator instead of a context": (
        """
        from botkit import hookimpl

        @hookimpl
        async def around_handler(event, handler):
            yield
        """,
        "plugins/faq.py:4: around_handler() is no context manager; put @asynccontextmanager below @hookimpl",
    ),
    "an unknown argument of another hook": (
        """
        from botkit import on_error

        @on_error
        async def tell(event, exception): ...
        """,
        (
            "plugins/faq.py:4: tell() takes 'exception', which is never given; "
            "on_error gives event, handler, error"
        ),
    ),
    "nothing to run": (
        """
        from botkit import on_follow

        def helper(): ...
        """,
        "plugins/faq.py: has no handlers; put a decorator such as @on_direct_message above an `async def`",
    ),
    "an unknown option": (
        """
        from botkit import on_follow

        @on_follow(timeot=3)
        async def greet(event): ...
        """,
        "plugins/faq.py:3: @on_follow has no option 'timeot'; did you mean timeout?",
    ),
    "a time limit that is none": (
        """
        from botkit import on_follow

        @on_follow(timeout=0)
        async def greet(event): ...
        """,
        ("plugins/faq.py:3: @on_follow: timeout=0 is no duration; write seconds, such as timeout=10"),
    ),
    "no attempt at all": (
        """
        from botkit import on_follow

        @on_follow(attempts=0)
        async def greet(event): ...
        """,
        ("plugins/faq.py:3: @on_follow: attempts=0; a handler is tried at least once: attempts=1"),
    ),
    "first and last": (
        """
        from botkit import on_follow

        @on_follow(tryfirst=True, trylast=True)
        async def greet(event): ...
        """,
        ("plugins/faq.py:3: @on_follow: tryfirst and trylast exclude each other; keep one"),
    ),
    "a text for a filter": (
        """
        from botkit import on_direct_message

        @on_direct_message("price")
        async def price(event): ...
        """,
        (
            "plugins/faq.py:3: a filter is a Filter or a function from event to bool, "
            "not str; for a text write contains(…)"
        ),
    ),
    "a maker for a filter": (
        """
        from botkit import has_media, on_direct_message

        @on_direct_message(has_media, fallback=True)
        async def picture(event): ...
        """,
        "plugins/faq.py:3: has_media makes a filter; call it: has_media(…)",
    ),
    "an async filter": (
        """
        from botkit import contains, on_direct_message

        async def is_customer(event): ...

        @on_direct_message(contains("price"), is_customer)
        async def price(event): ...
        """,
        (
            "plugins/faq.py:5: @on_direct_message: is_customer is async, and a filter "
            "can't wait; make it a plain function"
        ),
    ),
    "a wrong pattern": (
        """
        from botkit import on_direct_message, regex

        @on_direct_message(regex("("))
        async def price(event): ...
        """,
        ('plugins/faq.py:3: regex("(") is not a pattern: missing ), unterminated subpattern at position 0'),
    ),
    "a setup that raises": (
        """
        from botkit import hookimpl

        @hookimpl
        def setup(plugin):
            raise KeyError("rules")
        """,
        "plugins/faq.py:5: setup() raised KeyError: 'rules'",
    ),
    "a setup that names no hook": (
        """
        from botkit import hookimpl

        async def answer(event): ...

        @hookimpl
        def setup(plugin):
            plugin.add("on_direct_mesage", answer)
        """,
        "plugins/faq.py:3: there is no hook 'on_direct_mesage'; did you mean on_direct_message?",
    ),
    "a setup that adds a handler to another hook": (
        """
        from botkit import hookimpl

        async def answer(event): ...

        @hookimpl
        def setup(plugin):
            plugin.add("on_startup", answer)
        """,
        "plugins/faq.py:3: on_startup has no handlers; put @hookimpl above a function",
    ),
    "a Settings that is no dataclass": (
        """
        from botkit import on_follow

        class Settings:
            limit: int = 3

        @on_follow
        async def greet(event): ...
        """,
        "plugins/faq.py: Settings is no dataclass; put @dataclass(frozen=True) above it",
    ),
}


@pytest.mark.parametrize(("source", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_a_plugin_is_refused_with_one_line(load: Callable[..., Hooks], source: str, line: str) -> None:
    """The message is exactly this."""
    with pytest.raises(PluginError) as refused:
        load(faq=source)
    assert str(refused.value) == line


GREETER = """
from botkit import on_follow

@on_follow
async def greet(event): ...
"""


def test_a_plugin_that_is_not_there(load: Callable[..., Hooks], tmp_path: Path) -> None:
    """Says where it was looked for, and what was meant."""
    with pytest.raises(PluginError) as refused:
        load("- greter", greeter=GREETER)
    assert str(refused.value) == (
        f"{tmp_path / 'bot.yaml'}:3: no plugin 'greter'; looked for plugins/greter.py and "
        "plugins/greter/__init__.py beside bot.yaml, an installed plugin and a module of that name; "
        "did you mean greeter?"
    )


def test_a_file_that_is_not_there(load: Callable[..., Hooks], tmp_path: Path) -> None:
    """A path is taken at its word."""
    with pytest.raises(PluginError) as refused:
        load("- shop/greeter.py")
    assert str(refused.value) == (
        f"{tmp_path / 'bot.yaml'}:3: no plugin 'shop/greeter.py'; there is no file shop/greeter.py"
    )


@pytest.mark.parametrize("second", ["greeter", "plugins/greeter.py"])
def test_a_plugin_listed_twice(load: Callable[..., Hooks], tmp_path: Path, second: str) -> None:
    """By the same name or by its path."""
    with pytest.raises(PluginError) as refused:
        load(f"- greeter\n- {second}", greeter=GREETER)
    assert str(refused.value) == (
        f"{tmp_path / 'bot.yaml'}:4: the plugin {second!r} is listed twice; keep one, with all its settings"
    )


def test_settings_that_nobody_takes(load: Callable[..., Hooks], tmp_path: Path) -> None:
    """Settings in bot.yaml need a Settings in the plugin."""
    with pytest.raises(PluginError) as refused:
        load("- greeter: {limit: 3}", greeter=GREETER)
    assert str(refused.value) == (
        f"{tmp_path / 'bot.yaml'}:3: the plugin 'greeter' takes no settings; remove them, or declare them in "
        "plugins/greeter.py: `@dataclass class Settings`"
    )


def test_an_unknown_setting(load: Callable[..., Hooks]) -> None:
    """The configuration's own error, with the key's path."""
    source = """
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Settings:
        limit: int = 3
    """
    with pytest.raises(ConfigError) as refused:
        load("- greeter: {limt: 3}", greeter=source + GREETER.replace("\n", "\n    "))
    assert "plugins[0].greeter.limt" in str(refused.value) or "plugins[0].limt" in str(refused.value)
    assert "limit" in refused.value.fix


def test_an_error_deep_in_a_package_names_the_plugins_own_line(load: Callable[..., Hooks]) -> None:
    """The deepest frame in the package counts, not that of a library below it."""
    with pytest.raises(PluginError) as refused:
        load(
            "- shop",
            **{
                "plugins/shop/__init__.py": "from .orders import order",
                "plugins/shop/orders.py": "import json\n\nRULES = json.loads('{')\n",
            },
        )
    assert str(refused.value).startswith("plugins/shop/orders.py:3: its import raised JSONDecodeError: ")
    assert "\n" not in str(refused.value)


def test_a_refused_plugin_leaves_no_module_behind(load: Callable[..., Hooks]) -> None:
    """It can be mended and loaded again."""
    with pytest.raises(PluginError):
        load(faq="LIMIT = 1 // 0")
    assert len(load(faq=GREETER).handlers()) == 1
