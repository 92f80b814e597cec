"""Where a plugin's code stands, and what its author may have meant: the words of load errors."""

from __future__ import annotations

import difflib
import functools
import inspect
import linecache
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "did_you_mean",
    "name_of",
    "one_line",
    "place_of",
    "raised_at",
    "raised_by_botkit",
    "shown_path",
    "unknown_argument",
]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a question, or ``""``."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


def unknown_argument(function: str, argument: str, hook: str, known: list[str]) -> str:
    """The sentence about an argument that a hook does not give."""
    meant = did_you_mean(argument, known)
    gives = f"{hook} gives {', '.join(known)}" if known else f"{hook} gives no arguments"
    problem = f"{function}() takes {argument!r}, which is never given; {gives}"
    return f"{problem}; {meant}" if meant else problem


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that was written, without wrappers and bound arguments."""
    inner: Any = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    return inspect.unwrap(inner)  # type: ignore[no-any-return]  # what a callable wraps is one


def name_of(function: Callable[..., Any]) -> str:
    """The function's name."""
    return getattr(bare(function), "__name__", type(function).__name__)


def shown_path(file: str, folder: Path) -> str:
    """The file as messages name it: from bot.yaml's folder when it lies there."""
    path = Path(file)
    try:
        return str(path.relative_to(folder.resolve()))
    except ValueError:
        return file


def place_of(function: Callable[..., Any], folder: Path) -> str:
    """``file:line`` of the function's ``def``, past its decorators; ``""`` when it has no source."""
    code = getattr(bare(function), "__code__", None)
    if code is None:
        return ""
    line: int = code.co_firstlineno
    for below in range(line, line + 100):
        text = linecache.getline(code.co_filename, below).lstrip()
        if text.startswith(("def ", "async def ")):
            line = below
            break
    return f"{shown_path(code.co_filename, folder)}:{line}"


def raised_at(error: BaseException, root: Path, folder: Path) -> str:
    """``file:line`` of the deepest frame of the error that lies in ``root``; the file alone when none does.

    :param root: the plugin's file, or the folder of a package.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno is not None:
        return f"{shown_path(error.filename, folder)}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path == root or root in path.parents:
            return f"{shown_path(frame.filename, folder)}:{frame.lineno}"
    return shown_path(str(root), folder)


def raised_by_botkit(error: BaseException) -> bool:
    """Whether the error was raised in a decorator or a filter, not in the plugin's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    botkit = Path(__file__).parent.parent
    return bool(frames) and botkit in Path(frames[-1].filename).parents


def one_line(error: BaseException) -> str:
    """The error's kind and message, on one line."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
