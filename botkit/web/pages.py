"""The pages that people see in a browser: plain HTML, no script, nothing from elsewhere."""

from __future__ import annotations

import html
import secrets
from collections.abc import Iterable, Sequence

from aiohttp import web

__all__ = ["connect_page", "message_page"]

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;color:#0f1419;"
    "background:#fff}h1{font-size:1.4rem}p.small{color:#536471;font-size:.9rem}"
    "button{font:inherit;padding:.5rem 1.4rem;border-radius:2rem;border:0;color:#fff;background:#0f1419;"
    "cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#e7e9ea;background:#000}p.small{color:#8b98a5}"
    "button{color:#0f1419;background:#eff3f4}}"
)


def connect_page(
    *, abilities: Iterable[str], form_key: str, action: str, targets: Sequence[str]
) -> web.Response:
    """What the bot would be able to do, and the button that begins a sign-in.

    :param form_key: proves that the form came from this page.
    :param targets: origins to which the form leads: a browser follows its redirect only there.
    """
    lines = "".join(f"<li>{html.escape(each)}</li>" for each in abilities)
    body = (
        "<h1>Connect your account</h1>"
        "<p>This bot can act for your X account. When you connect it, it will be able to:</p>"
        f"<ul>{lines}</ul>"
        f'<form method="post" action="{html.escape(action)}">'
        f'<input type="hidden" name="form_key" value="{html.escape(form_key)}">'
        "<button>Sign in with X</button></form>"
        '<p class="small">You sign in at X: the bot never sees your password. '
        "You can take the access back at X at any time.</p>"
    )
    return _page("Connect your account", body, targets=targets)


def message_page(title: str, text: str, *, status: int = 200, again: str = "") -> web.Response:
    """A page that says one thing.

    :param again: where to begin again; ``""``: nowhere.
    """
    link = f'<p><a href="{html.escape(again)}">Begin again</a></p>' if again else ""
    body = f"<h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>{link}"
    return _page(title, body, status=status)


def _page(title: str, body: str, *, status: int = 200, targets: Sequence[str] = ()) -> web.Response:
    nonce = secrets.token_urlsafe(16)
    forms = " ".join(("'self'", *targets)) if targets else "'none'"
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><style nonce="{nonce}">{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>"
    )
    return web.Response(
        status=status,
        text=text,
        content_type="text/html",
        charset="utf-8",
        headers={
            "content-security-policy": (
                f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {forms}; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        },
    )
