"""Wrong settings of the autoresponder are one line with the key's path, the line and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.cli import main

ROOT = Path(__file__).resolve().parents[2]
SENDER = "{sender.id}, {sender.name}, {sender.username}"
OFFICE = '{open: "09:00", close: "17:00", closed: c'

WRONG = {
    "rules: {contains: a, reply: b}": ".rules: expected a list, got keys and values",
    "rules: [{contains: a}]": ".rules[0].reply: the key is missing; add `reply:`",
    "rules: [{equals: a, reply: b}, {reply: b}]": ".rules[1]: a rule has exactly one of contains, equals and",
    "rules: [{contains: a, regex: a, reply: b}]": ".rules[0]: a rule has exactly one of contains, equals and",
    'rules: [{contains: "", reply: b}]': ".rules[0]: a rule for an empty text; use `default`",
    'rules: [{equals: [a, " "], reply: b}]': ".rules[0]: a rule for an empty text; use `default`",
    'rules: [{regex: "", reply: b}]': ".rules[0]: a rule for an empty text; use `default`",
    "rules: [{contains: [], reply: b}]": ".rules[0].contains: the list is empty; write at least one item",
    "rules: [{equals: 5, reply: b}]": '.rules[0].equals: expected a text, got 5; put it in quotes: "5"',
    'rules: [{equals: a, reply: ""}]': ".rules[0]: the reply is empty; write what the rule answers",
    'rules: [{regex: "(", reply: b}]': ".rules[0].regex: expected a regular expression, got '(' (missing )",
    'rules: [{regex: "(?P<bot>a)", reply: b}]': ".rules[0]: regex(): a group can't be called 'bot'",
    'rules: [{regex: "(?P<n>a)", reply: "{m}"}]': (
        f".rules[0]: reply: {{m}} is no place in this text; there are {{n}}, {SENDER}; write {{{{ for a brace"
    ),
    'rules: [{contains: a, reply: "{number}"}]': ".rules[0]: reply: {number} is no place in this text",
    'rules: [{contains: a, reply: "{sender.__class__}"}]': ".rules[0]: reply: {sender.__class__} is no",
    'rules: [{contains: a, reply: "{}"}]': ".rules[0]: reply: {} is no place in this text",
    'rules: [{contains: a, reply: "50 } off"}]': "(a brace stands alone; write {{ or }} where",
    'rules: [{contains: a, reply: "{sender.name!r}"}]': "(a place is only a name: write",
    'rules: [{contains: a, reply: "{sender.name:{sender.id}}"}]': "(a place is only a name: write",
    "rules: [{contain: a, reply: b}]": ".rules[0].contain: unknown key; did you mean contains?",
    "rules: [{contains: a, reply: b, case: maybe}]": ".rules[0].case: expected true or false, got 'maybe'",
    'greeting: "Hi {name}"': ".greeting: expected a text with places such as {sender.name}, got 'Hi {name}'",
    'default: "{opens}"': ".default: expected a text with places",
    'stopped: "{x}"': ".stopped: expected a text with places",
    'started: "{x}"': ".started: expected a text with places",
    f"greeting: {'a' * 10_001}": "(a direct message holds 10000 characters)",
    'office_hours: {open: "09:00", close: "17:00"}': ".office_hours.closed: the key is missing",
    'office_hours: {open: "9", close: "17:00", closed: c}': ".office_hours.open: expected a time such",
    'office_hours: {open: "09:00", close: "24:01", closed: c}': ".office_hours.close: expected a time such",
    'office_hours: {open: "24:00", close: "17:00", closed: c}': ".office_hours: open must be before 24:00",
    'office_hours: {open: "09:00", close: "9:00", closed: c}': ".office_hours: the office never opens",
    'office_hours: {open: "09:00", close: "17:00", closed: ""}': ".office_hours: closed is empty",
    'office_hours: {open: "09:00", close: "17:00", closed: "{open}"}': (
        f".office_hours: closed: {{open}} is no place in this text; there are {{opens}}, {SENDER}"
    ),
    f"office_hours: {OFFICE}, days: monster}}": "('monster' is no day; days are mon, tue, wed, thu",
    f'office_hours: {OFFICE}, days: "mon,"}}': ".office_hours.days: expected days such as mon-fri",
    f"office_hours: {OFFICE}, days: []}}": ".office_hours.days: the list is empty; write at least one item",
    f"office_hours: {OFFICE}, timezone: Mars/Base}}": "got 'Mars/Base' (this machine knows no such",
    f"office_hours: {OFFICE}, timezone: ../etc/passwd}}": "(this machine knows no such timezone)",
    f"office_hours: {OFFICE}, timezone: Europe}}": "(this machine knows no such timezone)",
    "quiet_after_human: soon": ".quiet_after_human: expected a duration such as 30s, 5m or 2h, got 'soon'",
    'stop: ""': ": stop holds an empty word; write a word, or delete the key",
    "stop: [stop, ' ']": ": stop holds an empty word; write a word, or delete the key",
    'start: ""': ": start holds an empty word; write a word, or delete the key",
    "start: STOP": ": 'stop' is a word for stop and for start; take it from one of them",
    "stopp: [x]": ".stopp: unknown key; did you mean stop?",
}


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`botkit check` of a bot with these settings: its status, and what it says of errors."""
    (tmp_path / "plugins").symlink_to(ROOT / "plugins")

    def run(settings: str) -> tuple[int, str]:
        file = tmp_path / "bot.yaml"
        file.write_text(f"plugins:\n  - autoresponder:\n      {settings}\n")
        status = main(["check", str(file)])
        return status, capsys.readouterr().err.replace(f"{file}:", "bot.yaml:")

    return run


@pytest.mark.parametrize("settings", WRONG)
def test_a_wrong_setting_is_one_line(check, settings: str) -> None:
    status, errors = check(settings)
    assert status == 2
    assert errors.startswith("botkit: error: bot.yaml:3: plugins[0]")
    assert WRONG[settings] in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "settings",
    [
        "rules: [{equals: [a, b], reply: 5}]",
        "stop: []",
        "stop: genug",
        "greeting:",
        "office_hours:",
        f"office_hours: {OFFICE}, days: [mon, wed-fri], timezone: America/New_York}}",
        "office_hours: {open: 9:00, close: 24:00, closed: '{opens} {{}}'}",
    ],
)
def test_what_is_right_is_taken(check, settings: str) -> None:
    assert check(settings) == (0, "")


def test_every_rule_is_a_handler_that_check_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(ROOT / "bot.yaml")]) == 0
    shown = capsys.readouterr().out
    for name in ("stop", "start", "rule-1", "rule-2", "otherwise"):
        assert f"\nautoresponder:{name} " in shown
