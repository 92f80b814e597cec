"""The end of a replay, as X delivers it to the webhook: which item tells it.

Source: X docs, account-activity/quickstart "Replay": ``replay_job_status``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from botkit.x.split import split

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JobState", "end_ids"]

JobState = Literal["Complete", "Incomplete"]


def end_ids(job_id: str) -> Mapping[JobState, str]:
    """The id of the item that each way for a job to end is stored under."""
    states: tuple[JobState, ...] = ("Complete", "Incomplete")
    return {state: _id(job_id, state) for state in states}


def _id(job_id: str, state: str) -> str:
    # Named by what names every item, so that both agree.
    status = {"replay_job_status": {"job_id": job_id, "job_state": state}}
    return split(msgspec.json.encode(status))[0].id
