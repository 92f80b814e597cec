"""Where plugins come from, and what is known of them once they are loaded."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botkit
from botkit.events import DirectMessage, Follow, Mention
from botkit.hooks.manager import Hooks
from botkit.hooks.specs import HOOK_OF_EVENT

GREETER = """
from botkit import on_follow

@on_follow
async def greet(event):
    return "hello"
"""


def test_a_file_beside_bot_yaml(load: Callable[..., Hooks]) -> None:
    """plugins/<name>.py, known by its name."""
    hooks = load(greeter=GREETER)
    (handler,) = hooks.handlers()
    assert handler.id == "greeter:greet"
    assert handler.place == "plugins/greeter.py:4"
    assert str(handler) == "on_follow"
    assert [(plugin.name, plugin.origin) for plugin in hooks.plugins] == [("greeter", "plugins/greeter.py")]


def test_a_path(load: Callable[..., Hooks]) -> None:
    """A path from bot.yaml's folder; the plugin is called as its file."""
    hooks = load("- shop/greeter.py", **{"shop/greeter.py": GREETER})
    assert [handler.id for handler in hooks.handlers()] == ["greeter:greet"]


def test_a_package_with_modules_of_its_own(load: Callable[..., Hooks]) -> None:
    """A folder with __init__.py; relative imports work, and what it imports of its own is its own."""
    hooks = load(
        "- shop",
        **{
            "plugins/shop/__init__.py": "from .greeting import greet\nfrom .words import WORDS\n",
            "plugins/shop/greeting.py": GREETER,
            "plugins/shop/words.py": "WORDS = ['hello']\n",
        },
    )
    (handler,) = hooks.handlers()
    assert handler.id == "shop:greet"
    assert handler.place == "plugins/shop/greeting.py:4"


def test_dataclasses_in_a_plugin_file(load: Callable[..., Hooks], make: Any) -> None:
    """A plugin's module is a real one: dataclasses and string annotations work in it."""
    source = """
    from __future__ import annotations
    from dataclasses import dataclass, field
    from enum import Enum
    from botkit import command, on_direct_message

    class Size(Enum):
        SMALL = 1

    @dataclass(frozen=True)
    class Order:
        size: Size
        notes: list[str] = field(default_factory=list)

    @on_direct_message(command("order"))
    async def order(size: Size):
        return str(Order(size).size)
    """
    (match,) = load(shop=source).table.select(make.dm("/order small")).matches
    assert match.usage is None
    assert list(match.arguments) == ["size"]


def test_two_bots_load_different_plugins_of_one_name(load: Callable[..., Hooks], tmp_path: Path) -> None:
    """Nothing is shared: each has its own module, and the first stays as it was."""
    first = load(greeter=GREETER, folder=tmp_path / "one")
    second = load(greeter=GREETER.replace("greet(", "welcome("), folder=tmp_path / "two")
    assert [handler.id for handler in first.handlers()] == ["greeter:greet"]
    assert [handler.id for handler in second.handlers()] == ["greeter:welcome"]
    assert first.handlers()[0].function.__globals__ is not second.handlers()[0].function.__globals__


def test_one_file_loaded_twice_is_two_modules(load: Callable[..., Hooks]) -> None:
    """Two bots in one process that use the same file share none of its variables."""
    first, second = load(greeter=GREETER), load(greeter=GREETER)
    assert first.handlers()[0].function is not second.handlers()[0].function


def run_python(code: str, *paths: Path) -> str:
    """Run a program of its own, with these paths and botkit importable, and return what it prints."""
    root = Path(botkit.__file__).parent.parent
    program = (
        f"import sys; sys.path[:0] = {[str(path) for path in (*paths, root)]!r}\n{textwrap.dedent(code)}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout


SHOW = """
from pathlib import Path
from botkit.config import load_config
from botkit.errors import PluginError
from botkit.hooks.manager import load_plugins

try:
    hooks = load_plugins(load_config(Path({bot!r}), environ={{}}))
except PluginError as error:
    print(error)
else:
    print(*(handler.id for handler in hooks.handlers()))
"""


def installed(folder: Path, entry_points: str, **modules: str) -> Path:
    """A folder on the path with an installed distribution that offers plugins."""
    site = folder / "site"
    info = site / "botkit_greeter-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: botkit-greeter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[botkit]\n{entry_points}\n")
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source)
    return site


def listing(folder: Path, name: str) -> str:
    """A bot.yaml that lists one plugin."""
    bot = folder / "bot.yaml"
    bot.write_text(f"network: simulator\nplugins: [{name}]\n")
    return str(bot)


def test_an_installed_entry_point(tmp_path: Path) -> None:
    """A distribution that declares a plugin in the group "botkit"."""
    site = installed(tmp_path, "greeter = botkit_greeter", botkit_greeter=GREETER)
    assert run_python(SHOW.format(bot=listing(tmp_path, "greeter")), site) == "greeter:greet\n"


def test_an_entry_point_that_names_an_object(tmp_path: Path) -> None:
    """Methods are handlers too; they are bound, and keep the order of definition."""
    source = """
from botkit import on_follow, on_unfollow

class Greeter:
    @on_unfollow
    async def regret(self, event): ...

    @on_follow
    async def greet(self, event): ...

    @property
    def broken(self):
        raise AssertionError

plugin = Greeter()
"""
    site = installed(tmp_path, "greeter = botkit_greeter:plugin", botkit_greeter=source)
    assert run_python(SHOW.format(bot=listing(tmp_path, "greeter")), site) == "greeter:regret greeter:greet\n"


def test_an_entry_point_that_leads_nowhere(tmp_path: Path) -> None:
    """The package is to be mended, not bot.yaml."""
    site = installed(tmp_path, "greeter = botkit_greeter:plugn", botkit_greeter=GREETER)
    assert run_python(SHOW.format(bot=listing(tmp_path, "greeter")), site) == (
        "the installed plugin 'greeter' names 'botkit_greeter:plugn', which does not exist; "
        "its package must be mended\n"
    )


def test_a_module_path(tmp_path: Path) -> None:
    """Any module that can be imported."""
    (tmp_path / "mybot").mkdir()
    (tmp_path / "mybot" / "greeter.py").write_text(GREETER)
    assert (
        run_python(SHOW.format(bot=listing(tmp_path, "mybot.greeter")), tmp_path) == "mybot.greeter:greet\n"
    )


def test_a_module_that_fails_on_import(tmp_path: Path) -> None:
    """The error names the module's file and line, not the import machinery's."""
    (tmp_path / "greeter.py").write_text("\n\nLIMIT = 1 // 0\n")
    assert run_python(SHOW.format(bot=listing(tmp_path, "greeter")), tmp_path) == (
        "greeter.py:3: its import raised ZeroDivisionError: integer division or modulo by zero\n"
    )


SETTINGS = """
from dataclasses import dataclass
from botkit import hookimpl, contains, on_direct_message

@dataclass(frozen=True)
class Rule:
    contains: str
    reply: str

@dataclass(frozen=True)
class Settings:
    rules: list[Rule]

def answering(rule):
    async def answer(event):
        return rule.reply
    return answer

@hookimpl
def setup(plugin):
    for rule in plugin.settings.rules:
        plugin.add(on_direct_message, answering(rule), contains(rule.contains), timeout=5)
    plugin.add("on_direct_message", answering(plugin.settings.rules[0]), name="otherwise", fallback=True)
    plugin.settings = len(plugin.settings.rules)
"""


async def test_handlers_made_from_settings(load: Callable[..., Hooks], make: Any, bot: Any) -> None:
    """setup adds handlers, which have names of their own, and may turn the settings into something else."""
    hooks = load(
        """
        - faq:
            rules:
              - {contains: price, reply: cheap}
              - {contains: open, reply: always}
        """,
        faq=SETTINGS,
    )
    assert [handler.id for handler in hooks.handlers()] == ["faq:answer", "faq:answer#2", "faq:otherwise"]
    assert [handler.fallback for handler in hooks.handlers()] == [False, False, True]
    assert hooks.handlers()[0].timeout_s == 5.0
    assert hooks.settings("faq") == 2
    event = make.dm("When do you OPEN?")
    (match,) = hooks.table.select(event).matches
    assert await match.run(event, bot) == "always"


def test_settings_are_typed_and_reach_the_plugin(load: Callable[..., Hooks]) -> None:
    """Without settings in bot.yaml a Settings has its defaults; without Settings there are none."""
    source = """
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Settings:
        limit: int = 3
    """ + GREETER.replace("\n", "\n    ")
    hooks = load("- one\n- two: {limit: 5}\n- three", one=source, two=source, three=GREETER)
    assert hooks.settings("one").limit == 3
    assert hooks.settings("two").limit == 5
    assert hooks.settings("three") is None


def test_stacked_decorators_make_a_handler_each(load: Callable[..., Hooks]) -> None:
    """From the topmost down; ids stay unique, because both can run for one event under on_event."""
    source = """
    from botkit import DirectMessage, Mention, contains, on_direct_message, on_mention

    @on_direct_message(contains("hello"))
    @on_mention
    async def hello(event: DirectMessage | Mention): ...
    """
    hooks = load(faq=source)
    assert [(handler.id, str(handler)) for handler in hooks.handlers()] == [
        ("faq:hello", 'on_direct_message(contains("hello"))'),
        ("faq:hello#2", "on_mention"),
    ]


def test_a_decorated_function_is_still_itself(load: Callable[..., Hooks]) -> None:
    """Bare or called, a test can call it."""

    async def greet(event: Follow) -> str:
        return "hello"

    assert botkit.on_follow(greet) is greet
    assert botkit.on_follow(fallback=True)(greet) is greet


def test_a_hookimpl_named_as_its_hook_is_a_handler(load: Callable[..., Hooks]) -> None:
    """pluggy's own marker works for events too, also with another name."""
    source = """
    from botkit import hookimpl

    @hookimpl
    async def on_follow(event, bot): ...

    @hookimpl(specname="on_unfollow", tryfirst=True)
    async def regret(event): ...

    @hookimpl(optionalhook=True)
    async def on_something_of_a_later_botkit(event): ...
    """
    hooks = load(faq=source)
    assert [(handler.id, handler.hook) for handler in hooks.handlers()] == [
        ("faq:regret", "on_unfollow"),
        ("faq:on_follow", "on_follow"),
    ]


def test_what_an_alias_and_a_prepared_decorator_are(load: Callable[..., Hooks]) -> None:
    """A second name for a function makes no second handler; a called decorator may be kept and used again."""
    source = """
    from botkit import on_direct_message

    def is_long(event):
        return len(event.text) > 100

    on_long_message = on_direct_message(is_long)

    @on_long_message
    async def first(event): ...

    second_name = first
    """
    assert [str(handler) for handler in load(faq=source).handlers()] == ["on_direct_message(where(is_long))"]


def test_needed_events(load: Callable[..., Hooks]) -> None:
    """What must be subscribed to: the events of the hooks that have handlers; on_event wants them all."""
    source = """
    from botkit import on_direct_message, on_event, on_mention

    @on_mention
    @on_direct_message(fallback=True)
    async def hello(): ...
    """
    assert load(faq=source).needed_events() == {DirectMessage, Mention}
    assert load("- faq\n- greeter", faq=source, greeter=GREETER).needed_events() == {
        DirectMessage,
        Mention,
        Follow,
    }
    everything = source.replace("@on_mention", "@on_event")
    assert load(faq=everything).needed_events() == set(HOOK_OF_EVENT)


def test_handlers_of_one_hook(load: Callable[..., Hooks]) -> None:
    """By the hook's name or its event."""
    hooks = load(greeter=GREETER)
    assert hooks.handlers("on_follow") == hooks.handlers(Follow) == hooks.handlers()
    assert hooks.handlers("on_direct_message") == hooks.handlers(DirectMessage) == ()
    assert hooks.table.has(Follow)
    assert not hooks.table.has(DirectMessage)


def test_a_bot_without_plugins(load: Callable[..., Hooks], make: Any) -> None:
    """Runs, and does nothing."""
    hooks = Hooks()
    selection = hooks.table.select(make.dm("hello"))
    assert selection.matches == ()
    assert selection.fallbacks() == ()
    assert hooks.needed_events() == set()
