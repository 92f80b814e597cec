"""A group whose commands are imported when they are used, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from botkit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Command", "LazyGroup"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command's name, the module whose ``command`` it is, and its line in the list of commands."""

    name: str
    module: str
    help: str


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps, and imports a command only to run it."""

    def __init__(self, *, commands_table: Sequence[Command], **options: Any) -> None:
        super().__init__(**options)
        self._table = {command.name: command for command in commands_table}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a user meets them."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, one of a plugin's when it is none of ours; ``None`` when there is neither."""
        entry = self._table.get(cmd_name)
        if entry is None:
            return self._of_plugins().get(cmd_name)
        command = importlib.import_module(entry.module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.command is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and name the nearest one when there is none of that name."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            import difflib  # noqa: PLC0415 - only a mistake needs it

            near = difflib.get_close_matches(args[0], self._table, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(self._table)}"
            raise click.UsageError(f"there is no command {args[0]!r} ({hint})", ctx)
        return super().resolve_command(ctx, args)

    @staticmethod
    def _of_plugins() -> dict[str, click.Command]:
        from botkit.cli.extra import plugin_commands  # noqa: PLC0415 - it loads the bot's plugins

        try:
            return plugin_commands()
        except UserError:
            return {}  # `botkit check` says what is wrong there; here it would hide a misspelt command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.help) for command in self._table.values()])
