"""The hooks, their decorators, their documentation and the page about plugins say the same."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from pathlib import Path

import pytest

import botkit
from botkit import events, filters
from botkit.hooks import decorators
from botkit.hooks.decorators import Decorator, NoticeDecorator
from botkit.hooks.manager import Hooks
from botkit.hooks.specs import ECHOED, EVENT_OF_HOOK, HOOK_OF_EVENT, all_specs

DOCS = Path(__file__).parent.parent.parent / "docs"
PLUGINS = (DOCS / "plugins.md").read_text(encoding="utf-8")
FILTERS = (DOCS / "filters.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", all_specs())
def test_every_hook_is_documented_and_typed(name: str) -> None:
    """A promise in prose, with every argument explained and annotated."""
    spec = all_specs()[name]
    text = inspect.getdoc(spec) or ""
    assert text.splitlines()[0].endswith(".")
    for parameter in inspect.signature(spec).parameters.values():
        assert parameter.annotation is not parameter.empty
        assert f":param {parameter.name}:" in text
    assert inspect.signature(spec).return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("name", all_specs())
def test_every_hook_stands_in_the_table(name: str) -> None:
    """With its event or its arguments, and the mark of both directions."""
    if name in EVENT_OF_HOOK:
        arrow = " ↔" if name in ECHOED else ""
        assert f"| `{name}`{arrow} | `{EVENT_OF_HOOK[name].__name__}` |" in PLUGINS
        return
    spec = all_specs()[name]
    awaited = "async " if inspect.iscoroutinefunction(spec) else ""
    assert f"| `{awaited}{name}({', '.join(inspect.signature(spec).parameters)})` |" in PLUGINS


@pytest.mark.parametrize("name", [name for name in all_specs() if name.startswith("on_")])
def test_every_on_hook_has_a_public_decorator(name: str) -> None:
    """It knows its event, and shows the hook's page."""
    decorator = getattr(decorators, name)
    assert name in botkit.__all__
    assert getattr(botkit, name) is decorator
    assert decorator.hook == name
    assert decorator.__doc__ == inspect.getdoc(all_specs()[name])
    assert repr(decorator) == f"@{name}"
    if name in EVENT_OF_HOOK:
        assert isinstance(decorator, Decorator)
        assert decorator.event is EVENT_OF_HOOK[name]
    else:
        assert isinstance(decorator, NoticeDecorator)


def test_every_event_has_its_hook() -> None:
    """All public event classes that can happen, each once."""
    kinds = {
        kind
        for name in events.__all__
        if isinstance(kind := getattr(events, name), type) and issubclass(kind, events.Event)
    }
    assert kinds - {events.Event, events.PostEvent} == set(HOOK_OF_EVENT)
    assert len(set(EVENT_OF_HOOK.values())) == len(EVENT_OF_HOOK)


def test_the_specs_annotations_say_what_the_map_says() -> None:
    """The class that a hook gives stands in two places."""
    for name, kind in EVENT_OF_HOOK.items():
        annotation = inspect.signature(all_specs()[name]).parameters["event"].annotation
        assert annotation == f"events.{kind.__name__}"


def test_every_filter_stands_in_the_table() -> None:
    """By its name."""
    for name in set(filters.__all__) - {"Filter"}:
        assert f"`{name}" in FILTERS
        assert name in botkit.__all__


def test_every_option_stands_in_the_table() -> None:
    """What a decorator takes."""
    for name in typing.get_type_hints(decorators.HandlerOptions):
        assert f"`{name}=" in PLUGINS


EXAMPLES = re.findall(r"```python\n(.*?)```", PLUGINS + FILTERS, re.DOTALL)


@pytest.mark.parametrize("source", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_plugin_that_loads(load: Callable[..., Hooks], source: str) -> None:
    """As it stands on the page."""
    hooks = load(example=source)
    assert hooks.handlers() or hooks.plugins[0].hooks


REFUSALS = re.findall(r"^plugins/shop\.py:\d+: (.*)$", PLUGINS, re.MULTILINE)


def test_the_refusals_on_the_page_are_those_that_are_tested() -> None:
    """Word for word."""
    tested = (Path(__file__).parent / "test_refusals.py").read_text(encoding="utf-8")
    plain = re.sub(r'"\s*\n\s*"', "", tested)
    assert len(REFUSALS) == 5
    for line in REFUSALS:
        assert line in plain
