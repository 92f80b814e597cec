"""bot.yaml and .env → `Config`."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botkit.config.decode import decode
from botkit.config.dotenv import parse_dotenv
from botkit.config.model import Config
from botkit.config.tree import Items, Node, Scalar, Source, Table, Unset, read_tree
from botkit.errors import ActionRefused, ConfigError
from botkit.x.calls.webhooks import check_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MissingSecrets", "load_config", "parse_config"]

#: what a bot at X can't do without: it signs as the app, and acts as its own account
_NEEDED = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")


class MissingSecrets(ConfigError):
    """``network: x`` needs secrets that are not there; ``errors`` holds one error for each."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        first = errors[0]
        more = f" (and {len(errors) - 1} more: botkit check lists them)" if errors[1:] else ""
        super().__init__(
            first.problem + more, file=first.file, path=first.path, line=first.line, fix=first.fix
        )
        self.errors = errors


def load_config(path: Path, *, environ: Mapping[str, str], complete: bool = True) -> Config:
    """Read bot.yaml at ``path``; ``${NAME}`` comes from ``environ``, then from ``.env`` in the same folder.

    :param complete: refuse a bot that can't run because secrets are missing; otherwise `Config.missing` only
        lists them.
    :raises ConfigError: one line with the key's path, the line and the fix.
    """
    if path.is_dir():
        path /= "bot.yaml"
    text = _read(path, fix="name another file, or make one: a first line could be `network: simulator`")
    dotenv = path.parent / ".env"
    if dotenv.is_file():
        values = parse_dotenv(_read(dotenv, fix="make it readable, or move it away"), file=str(dotenv))
        environ = {**values, **environ}
    config = parse_config(text, file=path, environ=environ)
    if complete and config.missing:
        raise config.missing[0] if len(config.missing) == 1 else MissingSecrets(config.missing)
    return config


def parse_config(text: str, *, file: Path = Path("bot.yaml"), environ: Mapping[str, str]) -> Config:
    """Read the text of a bot.yaml; no file is opened, and missing secrets are listed in `Config.missing`.

    :param file: where the text comes from, for messages and for `Config.folder`.
    :raises ConfigError: one line with the key's path, the line and the fix.
    """
    source = Source(str(file), MappingProxyType(dict(environ)))
    root = read_tree(text, source)
    if root is None:
        return Config(_file=file)
    if not isinstance(root, Table):
        raise root.error("expected keys and values", fix="start with a line such as `network: simulator`")
    config = decode(root, Config)
    missing: tuple[ConfigError, ...] = ()
    if config.serves_connect and config.server.path.startswith("/connect"):
        raise ConfigError(
            "the page where accounts sign in is there",
            file=source.file,
            path="server.path",
            line=_line(root, "server", "path"),
            fix="choose another path, or write connect: {enabled: false}",
        )
    if config.network == "x":
        _check_public_url(root, config)
        _check_connect(root, config)
        missing = tuple(_missing(root, config))
    return dataclasses.replace(config, _file=file, _missing=missing)


def _read(path: Path, *, fix: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError("there is no such file", file=str(path), fix=fix) from None
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror})", file=str(path), fix=fix) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8 text", file=str(path), line=line, fix="save the file as UTF-8") from None


def _check_public_url(root: Table, config: Config) -> None:
    """Refuse an address that X would refuse to call. A simulator on this machine, which `botkit simulator`
    runs for bots with ``network: x``, takes more.
    """
    url = config.server.webhook_url
    if url is None or config.x.delivery == "activity_stream" or _is_here(config.x.api_url):
        return
    try:
        check_url(url)
    except ActionRefused as refused:
        server = root.entries["server"]
        raise ConfigError(
            str(refused),
            file=root.source.file,
            path="server.public_url",
            line=server.lines["public_url"] if isinstance(server, Table) else root.lines["server"],
            fix="write the https address that X can call, such as https://bot.example.com",
        ) from None


def _check_connect(root: Table, config: Config) -> None:
    """Refuse a sign-in page that nobody could come back to, or that nobody may use."""
    if not config.serves_connect:
        return
    problem = fix = ""
    if config.server.public_url is None:
        problem = "X needs an address to send owners back to"
        fix = "set server.public_url, such as https://bot.example.com"
    elif not config.connect.allow:
        problem = "nobody may connect"
        fix = 'name handles or ids in connect.allow; `allow: ["*"]` lets any account connect'
    if problem:
        line = root.lines.get("connect", root.line)
        raise ConfigError(problem, file=root.source.file, path="connect", line=line, fix=fix)


def _line(root: Table, section: str, key: str) -> int:
    """Where a key is written, as far as it is."""
    found = root.entries.get(section)
    written = found.lines.get(key) if isinstance(found, Table) else None
    return written or root.lines.get(section, root.line)


def _is_here(url: str) -> bool:
    """The address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _missing(root: Table, config: Config) -> Iterator[ConfigError]:
    given = root.entries.get("x")
    section = given if isinstance(given, Table) else None
    line = root.lines.get("x", root.lines.get("network", root.line))
    for key in _NEEDED:
        value = getattr(config.x, key)
        if not value or not all(value if isinstance(value, tuple) else (value,)):
            entry = section.entries.get(key) if section else None
            at = section.lines[key] if section and entry is not None else line
            yield _missing_secret(root, key, entry, at)
    if config.x.delivery == "premium" and not config.x.environment:
        yield ConfigError(
            "premium needs the name of your environment",
            file=root.source.file,
            path="x.environment",
            line=section.lines.get("environment", line) if section else line,
            fix="add `environment: name`, as the developer portal shows it",
        )


def _missing_secret(root: Table, key: str, entry: Node | None, line: int) -> ConfigError:
    path, variable = f"x.{key}", f"X_{key.upper()}"
    problem = "missing, and network: x needs it"
    fix = f"add `{key}: ${{{variable}}}` and set {variable} in the environment or in .env beside bot.yaml"
    for scalar in _scalars(entry):
        try:
            scalar.resolve(path)
        except Unset as error:
            problem, line = error.problem, scalar.line
            fix = f"set {' and '.join(error.names)} in the environment or in .env beside bot.yaml"
            break
        if scalar.interpolated and not scalar.resolve(path):
            problem, line = f"{scalar.text} is empty", scalar.line
            fix = "give it a value in the environment or in .env beside bot.yaml"
            break
    return ConfigError(problem, file=root.source.file, path=path, line=line, fix=fix)


def _scalars(node: Node | None) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Items):
        for item in node.items:
            yield from _scalars(item)
