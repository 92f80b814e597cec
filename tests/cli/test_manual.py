"""The manual's page on the command line names every command and option."""

from __future__ import annotations

from pathlib import Path

import click

from botkit.cli import root

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def test_every_command_and_option_is_in_the_manual() -> None:
    group = root()
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert f"| `botkit {name}" in PAGE
        described = PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                assert f"`{option}`" in (described or PAGE), f"{name} {option}"
