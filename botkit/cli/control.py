"""The simulator's control API, as far as the command line uses it: standard library only, to start fast."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from botkit.errors import UserError

__all__ = ["Simulator"]

#: how much longer than the simulator is told to wait for an answer we wait for the simulator
_MARGIN_S = 10.0


class Simulator:
    """A running simulator.

    :raises UserError: ``url`` is no address; from every method: nothing answers there, or not a simulator.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme != "http" or not parts.hostname or port == -1 or parts.username is not None:
            raise UserError("--simulator is no address; write one such as http://127.0.0.1:8081")
        self._host, self._port = parts.hostname, port or 80
        self._base = parts.path.rstrip("/")
        self._shown = f"http://{parts.netloc}{self._base}"

    def post(self, what: str, body: dict[str, str]) -> dict[str, Any]:
        """Make ``what`` happen; returns what the simulator says of it."""
        answer = self._call("POST", f"/_sim/{what}", body)
        return answer if answer is not None else {}

    def next_reply(self, user: str, after: str, timeout_s: float) -> dict[str, Any] | None:
        """Wait for the bot's next message to ``user`` behind ``after``; ``None`` when none comes in time."""
        query = {"user": user, "after": after, "timeout": f"{timeout_s:.3f}"}
        return self._call("GET", f"/_sim/replies?{urlencode(query)}", timeout_s=timeout_s)

    def last_message_id(self, user: str) -> str:
        """The id of the last message between the bot and ``user``, or ``""``."""
        conversation = self._call(
            "GET", f"/_sim/conversation?{urlencode({'user': user})}", missing_is_none=True
        )
        messages = (conversation or {}).get("messages") or []
        return str(messages[-1].get("id") or messages[-1].get("message_id") or "") if messages else ""

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, str] | None = None,
        *,
        timeout_s: float = 0.0,
        missing_is_none: bool = False,
    ) -> dict[str, Any] | None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s + _MARGIN_S)
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        try:
            connection.request(method, self._base + path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            status, content = response.status, response.read()
        except TimeoutError:
            raise UserError(f"the simulator at {self._shown} does not answer; look at its log") from None
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError):
                raise UserError(
                    f"no simulator at {self._shown}; start one with: botkit run bot.yaml"
                ) from None
            raise UserError(f"what answers at {self._shown} is no simulator") from None
        finally:
            connection.close()
        if status in {204, 408} or (status == 404 and missing_is_none):
            return None
        return _answer(status, content, self._shown)


def _answer(status: int, content: bytes, shown: str) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UserError(f"what answers at {shown} is no simulator (status {status})")
    if status >= 400:
        problem = answer.get("error") or answer.get("detail") or answer.get("title") or f"status {status}"
        raise UserError(f"the simulator refuses: {problem}")
    return answer
