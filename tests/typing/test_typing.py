"""What a plugin's author is promised by the types is checked by a type checker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def check(path: Path, cache: Path) -> tuple[int, list[str]]:
    """Run mypy --strict on a file that uses botkit as installed code; return its status and errors."""
    pytest.importorskip("mypy", reason="comes with the extra: lint")
    command = [
        *(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"),
        *("--config-file=", f"--cache-dir={cache}", str(path)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, [line for line in done.stdout.splitlines() if "error:" in line]


def test_a_plugin_passes_the_strict_checks_and_mistakes_are_flagged(tmp_path: Path) -> None:
    """The file holds both: mistakes carry an ignore, and an ignore that is not needed is an error itself."""
    assert check(Path(__file__).parent / "plugin.py", tmp_path / "cache") == (0, [])


def test_the_check_can_fail(tmp_path: Path) -> None:
    """A sync handler without an ignore is an error."""
    plugin = tmp_path / "wrong.py"
    plugin.write_text(
        "from botkit import Bot, DirectMessage, on_direct_message\n\n"
        "@on_direct_message\n"
        "def hello(event: DirectMessage, bot: Bot) -> str:\n"
        "    return 'hello'\n"
    )
    status, errors = check(plugin, tmp_path / "cache")
    assert status == 1
    assert len(errors) == 1
    assert "[type-var]" in errors[0]
