"""From a name in bot.yaml to a plugin's code: a file, a module path or an installed entry point.

Plugin files are imported under a name made from their path, so that plugins of the same name in two folders
are two modules, and loading one touches nothing else.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import linecache
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botkit.errors import PluginError, UserError
from botkit.hooks.places import did_you_mean, one_line, raised_at, raised_by_botkit, shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ENTRY_POINT_GROUP", "Found", "explain", "find_plugin"]

#: Where installed packages announce their plugins.
ENTRY_POINT_GROUP: Final = "botkit"

_NO_NAME: Final = re.compile(r"cannot import name '(\w+)' from '(botkit[\w.]*)'")
_NO_ATTRIBUTE: Final = re.compile(r"module '(botkit[\w.]*)' has no attribute '(\w+)'")


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin's code.

    :param name: the plugin's name: as in bot.yaml, for a path the file's without ``.py``.
    :param namespace: the module, or the object that an entry point names.
    :param root: its file, or the folder of a package.
    :param key: the same when the same code is found again.
    """

    name: str
    namespace: object
    root: Path
    key: str | int


def find_plugin(name: str, folder: Path, *, listed_at: str, botkit_names: Iterable[str]) -> Found:
    """Find and import a plugin.

    :param folder: where bot.yaml lies.
    :param listed_at: the place in bot.yaml, ``file:line: ``, for what can't be found.
    :param botkit_names: what a plugin can import from botkit, to tell a misspelt one.
    :raises PluginError: there is no such plugin, or it fails on import.
    """
    if name.endswith(".py") or "/" in name:
        path = _file_of(folder / name)
        if path is None:
            raise PluginError(f"{listed_at}no plugin {name!r}; there is no file {shown_path(name, folder)}")
        return _import_file(path, folder, botkit_names)
    if (path := _file_of(folder / "plugins" / name)) is not None:
        return _import_file(path, folder, botkit_names)
    entry_points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=name)
    if len({entry_point.value for entry_point in entry_points}) > 1:
        sources = ", ".join(sorted(entry_point.value for entry_point in entry_points))
        raise PluginError(
            f"{listed_at}two installed packages offer a plugin {name!r} ({sources}); name its module instead"
        )
    for entry_point in entry_points:
        return _import_entry_point(entry_point, folder, botkit_names)
    found = _import_module(name, folder, botkit_names)
    if found is None:
        meant = did_you_mean(name, _available(folder))
        raise PluginError(
            f"{listed_at}no plugin {name!r}; looked for plugins/{name}.py and plugins/{name}/__init__.py "
            f"beside bot.yaml, an installed plugin and a module of that name{f'; {meant}' if meant else ''}"
        )
    return found


def explain(error: BaseException, root: Path, folder: Path, botkit_names: Iterable[str], doing: str) -> str:
    """One line that says where a plugin's own code failed, and the fix where there is one to be told."""
    place = raised_at(error, root, folder)
    if isinstance(error, SyntaxError):
        return f"{place}: is not valid Python: {error.msg}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{place}: imports {error.name!r}, which is not installed; install it or correct the name"
    if isinstance(error, NameError) and (meant := did_you_mean(error.name or "", botkit_names)):
        return f"{place}: there is no {error.name!r}; {meant}"
    missing = ""
    if isinstance(error, ImportError) and (found := _NO_NAME.match(str(error))):
        missing, module = found.groups()
    elif isinstance(error, AttributeError) and (found := _NO_ATTRIBUTE.match(str(error))):
        module, missing = found.groups()
    elif isinstance(error, TypeError | ValueError) and raised_by_botkit(error):
        return f"{place}: {' '.join(str(error).split())}"  # a decorator or a filter says what is wrong itself
    else:
        return f"{place}: {doing} raised {one_line(error)}"
    meant = did_you_mean(missing, botkit_names)
    return f"{place}: {module} has no {missing!r}{f'; {meant}' if meant else ''}"


def _file_of(path: Path) -> Path | None:
    """The Python file that a path stands for: itself, with ``.py``, or the ``__init__.py`` of a package."""
    for candidate in (path, path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if candidate.is_file() and candidate.suffix == ".py":
            return candidate.resolve()
    return None


def _import_file(path: Path, folder: Path, botkit_names: Iterable[str]) -> Found:
    package = path.name == "__init__.py"
    root = path.parent if package else path
    name = root.name if package else path.stem
    module_name = f"botkit_plugin_{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(
        module_name, path, submodule_search_locations=[str(root)] if package else None
    )
    if spec is None or spec.loader is None:
        raise PluginError(f"{shown_path(str(path), folder)}: can't be imported")
    _forget(module_name)
    linecache.checkcache()
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and relative imports look their module up, so it must be known while it runs.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        _forget(module_name)
        if isinstance(error, UserError) or not isinstance(error, Exception | SystemExit):
            raise
        raise PluginError(explain(error, root, folder, botkit_names, "its import")) from error
    return Found(name, module, root, str(path))


def _forget(module_name: str) -> None:
    for loaded in [name for name in sys.modules if name == module_name or name.startswith(f"{module_name}.")]:
        del sys.modules[loaded]


def _import_module(name: str, folder: Path, botkit_names: Iterable[str]) -> Found | None:
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # not a module's name at all
        return None
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            return None
        # A package above the module failed on import.
        raise PluginError(explain(error, folder, folder, botkit_names, f"the import of {name}")) from error
    if spec is None:
        return None
    root = Path(spec.origin).resolve() if spec.has_location and spec.origin else folder
    root = root.parent if root.name == "__init__.py" else root
    try:
        module = importlib.import_module(name)
        return Found(name, module, root, id(module))
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(explain(error, root, folder, botkit_names, "its import")) from error


def _import_entry_point(
    entry_point: importlib.metadata.EntryPoint, folder: Path, botkit_names: Iterable[str]
) -> Found:
    found = _import_module(entry_point.module, folder, botkit_names)
    if found is None:
        raise PluginError(
            f"the installed plugin {entry_point.name!r} names the module {entry_point.module!r}, "
            "which does not exist; its package must be mended"
        )
    try:
        namespace = entry_point.load()
        return Found(entry_point.name, namespace, found.root, id(namespace))
    except AttributeError as error:
        raise PluginError(
            f"the installed plugin {entry_point.name!r} names {entry_point.value!r}, which does not exist; "
            "its package must be mended"
        ) from error


def _available(folder: Path) -> set[str]:
    beside = (folder / "plugins").iterdir() if (folder / "plugins").is_dir() else ()
    names = {path.stem for path in beside if _file_of(path.with_suffix("")) is not None}
    return names | {
        entry_point.name for entry_point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    }
