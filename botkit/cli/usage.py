"""``botkit usage``: what X charges for what the bot did and was told, by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import json_option, print_json, print_table, read_config
from botkit.cli.operator import bot_option, perform

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("usage")
@click.option("--days", default=7, show_default=True, metavar="N", help="How many days, today with them.")
@bot_option
@json_option
def command(days: int, file: Path, as_json: bool) -> None:
    """Show what X charges for what the bot did and was told, by UTC day, and how today's budget stands.

    What X's documents give no price for is counted and marked; it costs more than is shown. In the simulator
    it is what the same would cost at X. Works beside the running bot, and without it.
    """
    answer = perform(file, "usage", days=days)
    answer["per_day"] = read_config(file, complete=False).budget.per_day
    if as_json:
        print_json(answer)
        return
    if answer["days"]:
        print_table(
            ("DAY", "ACCOUNT", "WHAT", "KIND", "COUNT", "US$"),
            [_row(day["day"], line) for day in answer["days"] for line in day["lines"]],
        )
    click.echo(_today(answer))


def _row(day: str, line: dict[str, Any]) -> list[str]:
    cost = f"{line['spent']:.3f}" if line["unpriced"] < line["count"] else "no price"
    if 0 < line["unpriced"] < line["count"]:
        cost += f", {line['unpriced']} without a price"
    return [day, line["account_id"] or "-", line["what"], line["kind"], str(line["count"]), cost]


def _today(answer: dict[str, Any]) -> str:
    text = f"today (UTC): ${answer['spent_today']:.3f}"
    per_day = answer["per_day"]
    text += f" of ${per_day:.2f}" if per_day is not None else ", no budget"
    if answer["stopped"]:
        text += f"; nothing is sent before {answer['stopped']['until']}"
    return text
