"""With `network: x` the public address must be one that X calls; it is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.cli import main
from botkit.config import parse_config
from botkit.errors import ConfigError

FIX = "write the https address that X can call, such as https://bot.example.com"
REFUSED = {
    "http://bot.example.com": "the webhook address must start with https:// and name a host",
    "https://bot.example.com:8443": "the webhook address must not name a port: X calls 443",
    "https://bot.example.com:99999": "the webhook address is no URL",
    "https://bot.example.com/"
    + "a" * 180: "the webhook address has at most 200 characters, this one has 212",
}


def bot(url: str, *, network: str = "x", more: str = "") -> str:
    return f"network: {network}\nserver:\n  port: 0\n  public_url: {url}\n{more}"


@pytest.mark.parametrize(("url", "problem"), REFUSED.items())
def test_what_x_would_refuse_is_one_line_with_its_place_and_the_fix(url: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(bot(url), environ={})
    assert str(caught.value) == f"bot.yaml:4: server.public_url: {problem}; {FIX}"


@pytest.mark.parametrize("command", ["check", "run"])
def test_check_and_run_refuse_it(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text(bot("http://bot.example.com"))
    assert main([command, str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert (
        captured.err
        == f"botkit: error: {file}:4: server.public_url: {REFUSED['http://bot.example.com']}; {FIX}\n"
    )


def test_a_variable_is_looked_into_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="must start with https://") as caught:
        parse_config(bot("'${URL}'"), environ={"URL": "http://hidden.example.com"})
    assert "hidden" not in str(caught.value)


def test_what_x_takes_is_taken() -> None:
    assert parse_config(bot("https://bot.example.com"), environ={}).server.webhook_url == (
        "https://bot.example.com/webhook"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_simulator_on_this_machine_takes_more(host: str) -> None:
    more = f"x: {{api_url: 'http://{host}:8081'}}\n"
    parse_config(bot("http://127.0.0.1:8080", more=more), environ={})


@pytest.mark.parametrize("host", ["127.0.0.1.example.com", "localhost.example.com", "10.0.0.1"])
def test_another_machine_is_no_simulator(host: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.public_url"):
        parse_config(bot("http://127.0.0.1:8080", more=f"x: {{api_url: 'http://{host}'}}\n"), environ={})


def test_without_a_webhook_or_without_x_it_does_not_matter() -> None:
    parse_config(bot("http://bot.example.com", more="x: {delivery: activity_stream}\n"), environ={})
    parse_config(bot("http://bot.example.com", network="simulator"), environ={})
