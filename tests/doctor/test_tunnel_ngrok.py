"""The real pyngrok, which drives a program that behaves as ngrok does: nothing of the network is needed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyngrok")
if os.name != "posix":
    pytest.skip("the program is a script", allow_module_level=True)

TOKEN = "2abcTheTokenOfAnAccountOfNgrok"

#: what pyngrok waits for in ngrok's log, and the two calls of ngrok's own API that it makes, in both forms
NGROK = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

record = open({record!r}, "a", buffering=1)

def note(**what):
    record.write(json.dumps(what) + "\\n")

token = os.environ.get("NGROK_AUTHTOKEN")
note(pid=os.getpid(), args=sys.argv[1:], token=token, session=os.getsid(0))

class Handler(BaseHTTPRequestHandler):
    def answer(self, status, body=None):
        body = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {{"endpoints": [], "tunnels": []}})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        note(opened=asked.get("addr") or asked["upstream"]["url"])
        url = "https://abc.ngrok-free.example"
        name = asked["name"]
        given = {{"name": name, "uri": self.path + "/" + name, "public_url": url, "url": url}}
        self.answer(201, {{**given, "proto": "https", "config": {{}}}})

    def do_DELETE(self):
        note(closed=self.path.rsplit("/", 1)[0])
        self.answer(204)

    def log_message(self, *_):
        pass

def say(text):
    print("t=2026-01-01T00:00:00+0000 " + text, flush=True)

{before}
server = HTTPServer(("127.0.0.1", 0), Handler)
say('lvl=info msg="starting web service" obj=web addr=127.0.0.1:%d' % server.server_port)
say('lvl=info msg="tunnel session started" obj=tunnels.session')
say('lvl=info msg="client session established" obj=csess')
server.serve_forever()
"""
REFUSES = """
say('lvl=eror msg="session closing" obj=tunnels.session err="authentication failed: The authtoken '
    'you specified does not look right. Your authtoken: %s ERR_NGROK_105"' % token)
sys.exit(1)
"""
#: pyngrok keeps its program and its log to the process: each test has one of its own
BOT = """
import asyncio, subprocess, sys
from pyngrok import conf, installer
from botkit.errors import UserError
from botkit.log import make_logger
from botkit.network.tunnel import Tunnels, open_tunnel

program, config = sys.argv[1:3]
conf.DEFAULT_NGROK_PATH = program
conf.DEFAULT_NGROK_CONFIG_PATH = config
installer.CDN_URL_PREFIX = ""
installer.PLATFORMS = dict.fromkeys(installer.PLATFORMS, "http://127.0.0.1:1/ngrok.tgz")

async def known(_):
    return True

async def main():
    tunnels = Tunnels(cloudflared=lambda: None, is_known=known)
    async with open_tunnel(8080, offered=None, log=make_logger(), tunnels=tunnels) as url:
        print("url", url)
        print(subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout)
try:
    asyncio.run(main())
except UserError as error:
    print("botkit: error:", error)
"""


def run(folder: Path, *, before: str = "", is_there: bool = True) -> tuple[str, str, list[dict[str, object]]]:
    """What a bot with a tunnel writes to both its outputs, and what ngrok was asked."""
    program, record = folder / "ngrok", folder / "record"
    if is_there:
        program.write_text(NGROK.format(python=sys.executable, record=str(record), before=before))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("NGROK", "PYNGROK"))}
    done = subprocess.run(
        [sys.executable, "-c", BOT, str(program), str(folder / "ngrok.yml")],
        env={**environ, "NGROK_AUTHTOKEN": TOKEN, "PYNGROK_NGROK_PATH": str(program)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    notes = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    return done.stdout, done.stderr, notes


def test_ngrok_opens_closes_and_ends(tmp_path: Path) -> None:
    out, err, notes = run(tmp_path)
    assert out.startswith("url https://abc.ngrok-free.example\n"), (out, err)
    started, opened, closed = notes
    assert opened["opened"] in {"8080", "http://localhost:8080"}
    assert closed["closed"] in {"/api/tunnels", "/api/endpoints"}
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(started["pid"])), 0)


def test_the_token_is_in_the_environment_and_not_among_the_arguments(tmp_path: Path) -> None:
    out, err, notes = run(tmp_path)
    assert notes[0]["token"] == TOKEN
    assert "start --none" in out, "ps lists ngrok"
    assert TOKEN not in out + err


def test_ctrl_c_does_not_reach_ngrok_before_the_bot(tmp_path: Path) -> None:
    started, *_ = run(tmp_path)[2]
    assert started["session"] == started["pid"]


def test_a_wrong_token_is_one_line_that_does_not_quote_it(tmp_path: Path) -> None:
    out, err, _ = run(tmp_path, before=REFUSES)
    assert "authentication failed" in out
    assert "ERR_NGROK_105" in out
    assert out.endswith("; see that NGROK_AUTHTOKEN is set in the environment, and right\n")
    assert len(out.splitlines()) == 1
    assert TOKEN not in out + err


def test_ngrok_that_can_not_be_had_names_where_it_is_had(tmp_path: Path) -> None:
    out, _, notes = run(tmp_path, is_there=False)
    assert notes == []
    assert out.splitlines()[-1].startswith("botkit: error: ngrok opens no tunnel: An error occurred while")
    assert "see that bin.ngrok.com" in out
