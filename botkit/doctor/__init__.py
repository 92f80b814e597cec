"""`botkit doctor`: everything that a bot needs, looked at in the order in which it can fail.

A check is one function that takes a `Patient` and gives one line: ok, warning or failed, with the reason and
the fix. `examine` runs them; a check whose grounds failed is "not checked".

result.py     what a check finds
patient.py    what checks look at, and what they leave for later ones
examine.py    the checks in order, and the loop
here.py       bot.yaml, secrets, plugins, store
keys.py       X, the clock, credentials and what they allow
address.py    the public address and the challenge; standin.py answers there while no bot does
there.py      what X has: webhook, subscriptions, limits
explain.py    X's refusals with their fixes
"""

from __future__ import annotations

from botkit.doctor.examine import CHECKS, Check, examine
from botkit.doctor.patient import Settings
from botkit.doctor.result import Failed, Result, Status

__all__ = ["CHECKS", "Check", "Failed", "Result", "Settings", "Status", "examine"]
