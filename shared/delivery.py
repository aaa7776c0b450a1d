"""The worker's side of the outbox: lease a batch, post it, mark what was taken in."""

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from flask import current_app
from sqlalchemy.orm import Session

from shared import gateway_client, outbox, queue
from shared.db import transactional
from shared.errors import Unavailable
from shared.events import Answer
from shared.settings import ServiceSettings
from shared.upstream import Response

BATCH_ROWS_MAX = 500
_PASSING = frozenset({401, 408, 425, 429, 502, 503, 504})
log = logging.getLogger(__name__)

OnOutcome = Callable[[Session, outbox.Row, dict[str, Any]], None]
"""Called inside the transaction that marks the row, with the outcome the receiver sent back."""


@transactional
def _lease(tx: Session, destination: str) -> list[outbox.Row]:
    return outbox.lease(tx, destination, BATCH_ROWS_MAX)


@transactional
def _mark(tx: Session, answered: Sequence[tuple[outbox.Row, Answer]], on_outcome: OnOutcome | None) -> None:
    outbox.mark_delivered(tx, [row.id for row, answer in answered if answer.status == "done"])
    for row, answer in answered:
        if answer.status != "done":
            outbox.mark_dead(tx, row.id, f"{answer.code}: {answer.detail}")
        elif on_outcome is not None and answer.outcome is not None:
            on_outcome(tx, row, dict(answer.outcome))


@transactional
def _put_back(tx: Session, rows: Sequence[outbox.Row], error: str) -> None:
    outbox.put_back(tx, rows, error)


@transactional
def _bury(tx: Session, row: outbox.Row, error: str) -> None:
    outbox.mark_dead(tx, row.id, error)


@transactional
def _waiting(tx: Session) -> list[str]:
    return outbox.waiting_destinations(tx)


Post = Callable[[str, Any], Response]
"""Takes a path of the internal listener and content; raises Unavailable when nobody answers."""


def through_the_gateway(path: str, content: Any) -> Response:
    """Post as the worker, to the internal listener."""
    settings: ServiceSettings = current_app.config["SETTINGS"]
    return gateway_client.post(settings.gateway_internal_url, "worker", settings.signing_key, path, content)


def drain(on_outcome: OnOutcome | None = None, *, post: Post = through_the_gateway) -> int:
    """Deliver everything that is due; returns how many rows were posted.

    The demo's history passes its own `post`: it is booked before any process runs.
    """
    queue.answer(current_app.name)
    posted = 0
    for destination in _waiting():
        while rows := _lease(destination):
            posted += len(rows)
            if not _deliver(destination, rows, on_outcome, post):
                break  # the destination is down: its rows are due again after their backoff
    return posted


def sweep(*duties: Callable[[], object], on_outcome: OnOutcome | None = None) -> None:
    """A service's periodic work: deliver what no ring announced, do its duties, forget what was delivered long ago.

    None stops the others. What failed is logged, and raised together at the end.
    """
    failures = []
    in_order: list[Callable[[], object]] = [functools.partial(drain, on_outcome), *duties]
    for duty in (*in_order, transactional(outbox.forget_delivered)):
        try:
            duty()
        except Exception as failure:
            log.exception("duty failed", extra={"service": current_app.name})
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} duties of {current_app.name} failed", failures)


def _deliver(destination: str, rows: list[outbox.Row], on_outcome: OnOutcome | None, post: Post) -> bool:
    """Post a batch; False when the destination cannot take anything now.

    A batch that fails is cut in half until the bad fact stands alone, so that it never takes the
    others with it. A single fact that is refused is a dead letter; one that breaks the receiver is
    tried again, for ever visible.
    """
    content = {"events": [{"id": row.id, "name": row.name, "body": row.body} for row in rows]}
    try:
        response = post(f"/internal/v1/{destination}/events", content)
    except Unavailable:
        _put_back(rows, "no answer")
        return False
    if response.status == 200:
        answers = msgspec.json.decode(response.body, type=dict[str, list[Answer]])["answers"]
        _mark(list(zip(rows, answers, strict=True)), on_outcome)
        return True
    error = f"HTTP {response.status}: {response.body[:500].decode('utf-8', 'replace')}"
    if response.status in _PASSING:
        _put_back(rows, error)
        return False
    if len(rows) > 1:
        middle = len(rows) // 2
        halves = [_deliver(destination, half, on_outcome, post) for half in (rows[:middle], rows[middle:])]
        return all(halves)
    log.error("event not taken in", extra={"event": str(rows[0].id), "destination": destination, "error": error})
    if response.status >= 500:
        _put_back(rows, error)
    else:
        _bury(rows[0], error)
    return True
