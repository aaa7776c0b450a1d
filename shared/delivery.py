"""The worker's side of the outbox: lease a batch, post it, mark what was taken in."""

import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from time import monotonic
from typing import Any

import msgspec
from flask import current_app
from rq.timeouts import BaseTimeoutException
from sqlalchemy.orm import Session

from shared import gateway_client, outbox, queue
from shared.db import transactional
from shared.errors import Unavailable
from shared.events import Answer
from shared.settings import ServiceSettings
from shared.upstream import Response

BATCH_ROWS_MAX = 500
_POSTS_FOR_S = outbox.LEASE_S - gateway_client.TIMEOUT_S
"""How long after a lease began a post may begin: it is over before somebody else may take its rows."""
DRAIN_S_MAX = 200.0
"""Well within a job's time: a job that is cut off is cut off in the middle of a post. The sweep goes on."""
_SHRINKS_BY = 8
_PASSING = frozenset({401, 403, 404, 408, 425, 429, 502, 503, 504})
"""Answers to a batch that say nothing of its facts: a key or a route that a gateway knows before the other does,
a neighbour that is away. A fact that is refused is refused by its own answer.
"""
_REFUSALS = frozenset({400, 413, 422})
"""Answers to a fact alone that a repetition cannot change."""
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
        if answer.status == "later":
            outbox.put_back(tx, [row], f"{answer.code}: {answer.detail}")
        elif answer.status != "done":
            outbox.mark_dead(tx, row.id, f"{answer.code}: {answer.detail}")
        elif on_outcome is not None and answer.outcome is not None:
            on_outcome(tx, row, dict(answer.outcome))


@transactional
def _put_back(tx: Session, rows: Sequence[outbox.Row], error: str) -> None:
    outbox.put_back(tx, rows, error)


@transactional
def _release(tx: Session, rows: Sequence[outbox.Row]) -> None:
    outbox.release(tx, rows)


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
    posted, until = 0, monotonic() + DRAIN_S_MAX
    for destination in _waiting():
        while monotonic() < until and (rows := _lease(destination)):
            taken, goes_on = _deliver_leased(destination, rows, on_outcome, post)
            posted += taken
            if not goes_on:
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
        except BaseTimeoutException:
            raise  # the job's time is up: the next sweep goes on
        except Exception as failure:
            log.exception("duty failed", extra={"service": current_app.name})
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} duties of {current_app.name} failed", failures)


def _deliver_leased(
    destination: str, rows: list[outbox.Row], on_outcome: OnOutcome | None, post: Post
) -> tuple[int, bool]:
    """Post leased rows, as long as the lease covers a post; how many, and whether the destination can take more."""
    # What has been put back comes after what is fresh.
    in_order = sorted(rows, key=lambda row: row.attempts)
    left, until, goes_on = list(in_order), monotonic() + _POSTS_FOR_S, True
    for batch in _batches(in_order):
        if not goes_on or monotonic() > until:
            _release(left)
            break
        del left[: len(batch)]
        goes_on = _deliver(destination, batch, until, on_outcome, post)
    return len(rows) - len(left), goes_on


def _batches(rows: list[outbox.Row]) -> Iterator[list[outbox.Row]]:
    """Rows in order of attempts, in the batches in which they are posted.

    What has been put back is posted in smaller batches the oftener it was tried: so a fact that makes its
    receiver hang or die ends alone, in a few tries. As long as they are taken in, batches
    grow, so what an outage put back is gone in a few posts.
    """
    for attempts, run in groupby(rows, key=lambda row: row.attempts):
        alike, size = list(run), max(BATCH_ROWS_MAX // _SHRINKS_BY ** max(attempts - 1, 0), 1)
        while alike:
            yield alike[:size]
            alike, size = alike[size:], size * 2


def _deliver(destination: str, rows: list[outbox.Row], until: float, on_outcome: OnOutcome | None, post: Post) -> bool:
    """Post a batch; False when the destination cannot take anything now.

    A batch that fails is cut in half until the bad fact stands alone, so that it never takes the
    others with it; halves for which no time is left come back in smaller batches. A single fact that
    is refused is a dead letter; one that breaks the receiver is tried again, for ever visible.
    """
    if monotonic() > until:
        _put_back(rows, "stood beside a fact that is not taken in")
        return True
    content = {"events": [{"id": row.id, "name": row.name, "body": row.body} for row in rows]}
    try:
        response = post(f"/internal/v1/{destination}/events", content)
    except Unavailable:
        _put_back(rows, "no answer")
        return False
    error = f"HTTP {response.status}: {response.body[:500].decode('utf-8', 'replace')}"
    if response.status == 200:
        if (answers := _read(response, len(rows))) is not None:
            _take_in(list(zip(rows, answers, strict=True)), on_outcome)
            return True
    elif response.status in _PASSING:
        log.warning("destination takes nothing now", extra={"destination": destination, "error": error})
        _put_back(rows, error)
        return False
    if len(rows) > 1:
        middle = len(rows) // 2
        halves = [_deliver(destination, half, until, on_outcome, post) for half in (rows[:middle], rows[middle:])]
        return all(halves)
    log.error("event not taken in", extra={"event": str(rows[0].id), "destination": destination, "error": error})
    if response.status in _REFUSALS:
        _bury(rows[0], error)
    else:
        _put_back(rows, error)
    return True


def _read(response: Response, count: int) -> list[Answer] | None:
    """An answer for each fact; None when the receiver said something else."""
    try:
        answers = msgspec.json.decode(response.body, type=dict[str, list[Answer]]).get("answers", [])
    except msgspec.MsgspecError:
        return None
    return answers if len(answers) == count else None


def _take_in(answered: list[tuple[outbox.Row, Answer]], on_outcome: OnOutcome | None) -> None:
    """Mark rows, and take in their outcomes. One whose outcome cannot be taken in is asked for again later, alone."""
    try:
        _mark(answered, on_outcome)
    except (Unavailable, BaseTimeoutException):
        raise  # nothing can be written down, or there is no time to: the lease ends by itself
    except Exception as failure:
        if len(answered) > 1:
            middle = len(answered) // 2
            for half in (answered[:middle], answered[middle:]):
                _take_in(half, on_outcome)
            return
        (row, _answer) = answered[0]
        log.exception("outcome not taken in", extra={"event": str(row.id)})
        _put_back([row], f"outcome not taken in: {type(failure).__name__}")
