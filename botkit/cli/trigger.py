"""``botkit trigger``: something happens in a running simulator, as if a person on X had done it."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import click

from botkit.cli.control import Simulator
from botkit.config.units import format_duration, parse_duration
from botkit.errors import UserError

__all__ = ["command"]

_KINDS = ("dm", "mention", "reply", "quote", "repost", "like", "follow", "unfollow", "typing", "read")
_WITH_TEXT = frozenset({"dm", "mention", "reply", "quote"})
_ABOUT_A_POST = frozenset({"reply", "quote", "repost", "like"})


def _duration(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no duration such as 10s or 2m") from None


@click.command("trigger")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("text", required=False)
@click.option("--from", "who", default="alice", show_default=True, help="Who does it: a handle; made if new.")
@click.option("--post", default="", help="The post that is meant, by id; without it the bot's newest.")
@click.option("--quick-reply", default="", help="A dm only: the metadata of the option that is tapped.")
@click.option(
    "--picture",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A dm only: a picture that comes with it.",
)
@click.option("--wait", is_flag=True, help="Wait for the bot's answer by direct message, and print it.")
@click.option(
    "--count", type=click.IntRange(1), default=1, help="With --wait: how many answers.  [default: 1]"
)
@click.option(
    "--timeout", callback=_duration, default="10s", show_default=True, help="How long --wait waits."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option(
    "--simulator",
    "url",
    default="http://127.0.0.1:8081",
    show_default=True,
    envvar="BOTKIT_SIMULATOR",
    help="The simulator's address (or BOTKIT_SIMULATOR).",
)
def command(
    *,
    kind: str,
    text: str | None,
    who: str,
    post: str,
    quick_reply: str,
    picture: Path | None,
    wait: bool,
    count: int,
    timeout: float,
    as_json: bool,
    url: str,
) -> int:
    """Make something happen in a running simulator, as if a person on X had done it.

    KIND is what happens: dm, mention, reply, quote, repost, like, follow, unfollow, typing or read. A dm,
    mention, reply or quote needs a TEXT.

    With --wait the bot's answer alone is printed, one line for each message. Exit status 1: no answer came.
    """
    body = _body(kind, text, who=who.removeprefix("@"), post=post, quick_reply=quick_reply, picture=picture)
    simulator = Simulator(url)
    before = "" if kind == "dm" or not wait else simulator.last_message_id(body["from"])
    happened = simulator.post(kind, body)
    if not wait:
        _print_happened(happened, kind, body["from"], as_json=as_json)
        return 0
    after = str(happened.get("message_id", "")) if kind == "dm" else before
    answers = _wait(simulator, body["from"], after, count, timeout, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"event": happened, "answers": answers}, indent=2))
    if len(answers) < count:
        missed = "no answer" if not answers else f"{len(answers)} of {count} answers"
        click.echo(f"botkit: {missed} within {format_duration(timeout)}", err=True)
        return 1
    return 0


def _body(
    kind: str, text: str | None, *, who: str, post: str, quick_reply: str, picture: Path | None
) -> dict[str, str]:
    if kind in _WITH_TEXT and not text and not quick_reply and (picture is None or kind != "dm"):
        raise click.UsageError(f'a {kind} needs a text, such as: botkit trigger {kind} --from {who} "hello"')
    if kind not in _WITH_TEXT and text:
        raise click.UsageError(f"a {kind} has no text")
    if post and kind not in _ABOUT_A_POST:
        raise click.UsageError(f"--post goes with {', '.join(sorted(_ABOUT_A_POST))}")
    if quick_reply and kind != "dm":
        raise click.UsageError("--quick-reply goes with dm")
    if picture is not None and kind != "dm":
        raise click.UsageError("--picture goes with dm")
    if not who:
        raise click.UsageError("--from needs a handle, such as alice")
    body = {"from": who, "text": text or "", "post_id": post, "quick_reply": quick_reply}
    if picture is not None:
        body["picture"] = base64.b64encode(picture.read_bytes()).decode("ascii")
    return {key: value for key, value in body.items() if value}


def _wait(
    simulator: Simulator, who: str, after: str, count: int, timeout_s: float, *, as_json: bool
) -> list[dict[str, Any]]:
    """Collect the bot's next messages to ``who``, and print each as it comes."""
    answers: list[dict[str, Any]] = []
    until = time.monotonic() + timeout_s
    while len(answers) < count:
        answer = simulator.next_reply(who, after, max(0.0, until - time.monotonic()))
        if answer is None:
            break
        answers.append(answer)
        if not as_json:
            click.echo(answer.get("text", ""))
        following = str(answer.get("message_id", ""))
        if not following and len(answers) < count:
            raise UserError(
                "the simulator names no message_id: --count needs one of the same version as botkit"
            )
        after = following
    return answers


def _print_happened(happened: dict[str, Any], kind: str, who: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(happened, indent=2))
        return
    number = happened.get("message_id") or happened.get("post_id") or ""
    click.echo(f"{kind} from @{who}{f' ({number})' if number else ''}")
