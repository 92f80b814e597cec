"""postgresql:// addresses: what is ours is taken out, the rest is for asyncpg."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from botkit.errors import ConfigError

__all__ = ["Address"]

#: connections that a process needs at least: one each for puts, turns and claims, and one for everything else
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is.

    :param dsn: what asyncpg connects to; holds the password.
    :param place: host and database for messages, without a password.
    :param pool: connections at most.
    :param search_path: the schemas where the tables are looked for, as PostgreSQL's setting is written.
    :param schema: the schema to create when it is missing; ``""`` when the address named a search path.
    :param allow_unsafe: open a server that may lose what it has committed.
    """

    dsn: str = field(repr=False)
    place: str
    pool: int = 10
    search_path: str = '"botkit"'
    schema: str = "botkit"
    allow_unsafe: bool = False

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read ``postgresql://user:password@host:port/database?pool=10&schema=botkit&allow_unsafe=true``.

        ``pool``, ``schema`` and ``allow_unsafe`` are ours. ``search_path`` names existing schemas instead of
        ``schema``. Everything else is libpq's or a server setting, and goes to asyncpg.

        :raises ConfigError: it can't be read. The message never holds a piece of the address, for a password
            with an unquoted ``@`` or ``/`` may be anywhere in it.
        """
        try:
            parts = urlsplit(url)
            hosts = parts.netloc.rpartition("@")[2]
            for host in hosts.split(","):
                _ = urlsplit(f"//{host}").port
        except ValueError:
            raise _unreadable() from None
        if "@" in parts.path or parts.fragment:
            raise _unreadable()
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        pool = _count("pool", options.pop("pool", "10"))
        allow_unsafe = _flag("allow_unsafe", options.pop("allow_unsafe", "false"))
        schema = options.pop("schema", "")
        search_path = options.pop("search_path", "")
        if schema and search_path:
            raise ConfigError("the address names a schema and a search_path", path="store", fix="name one")
        if not search_path:
            schema = schema or "botkit"
            search_path = '"' + schema.replace('"', '""') + '"'
        query = urlencode(options, quote_via=quote)
        database = unquote(parts.path.removeprefix("/")) or options.get("dbname", "")
        place = hosts or options.get("host", "the local server")
        return cls(
            dsn=urlunsplit(("postgresql", parts.netloc, parts.path, query, "")),
            place=f"{place}/{database}" if database else place,
            pool=pool,
            search_path=search_path,
            schema=schema,
            allow_unsafe=allow_unsafe,
        )


def _unreadable() -> ConfigError:
    return ConfigError(
        "the postgresql:// address can't be read",
        path="store",
        fix="write postgresql://user:password@host:5432/database, with % codes for special characters",
    )


def _count(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < _FEWEST:
        raise ConfigError(f"{name} is not a number from {_FEWEST}", path="store", fix=f"write {name}=10")
    return int(text)


def _flag(name: str, text: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise ConfigError(f"{name} is neither true nor false", path="store", fix=f"write {name}=true")
    return known[text.lower()]
