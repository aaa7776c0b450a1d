"""How a service takes in events: one internal route, one transaction a batch, an answer an item."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from flask import Response, request
from sqlalchemy.orm import Session

from shared import events, http, web
from shared.db import transactional
from shared.errors import HuzhuError, Invalid
from shared.events import Answer, Event

EVENTS_MAX = 1000
WORKER = "worker"

Handler = Callable[[Session, Sequence[Any]], Sequence[Answer]]
"""Books a run of events of one class and answers each; booking one twice must change nothing."""


class _Item(msgspec.Struct):
    name: str
    body: dict[str, Any]


class _Batch(msgspec.Struct):
    events: list[_Item]


def events_route(
    service: str, handlers: Mapping[type[Event], Handler], *, also_from: Mapping[str, type[Event]] | None = None
) -> web.Routes:
    """The blueprint `POST /internal/v1/<service>/events`.

    {"events": [{"id", "name", "body"}]} → {"answers": [Answer]}, in the same order. The worker brings
    everything; `also_from` names who else may bring what.
    """
    routes = web.Routes("events", __name__, url_prefix=f"/internal/v1/{service}")
    others = also_from or {}

    @transactional
    def take_in(tx: Session, facts: Sequence[Event | Answer]) -> list[Answer]:
        answers: list[Answer] = []
        for kind, run in groupby(facts, key=type):
            run_of_one_kind: list[Any] = list(run)
            answers += run_of_one_kind if kind is Answer else handlers[kind](tx, run_of_one_kind)
        return answers

    def read(item: _Item) -> Event | Answer:
        try:
            fact = events.load(item.name, item.body)
        except HuzhuError as error:
            return Answer(status="refused", code=error.code, detail=error.detail)
        issuer = web.caller().issuer or ""
        if type(fact) not in handlers or (issuer != WORKER and others.get(issuer) is not type(fact)):
            return Answer(
                status="refused", code="unwanted", detail=f"{service} does not take {item.name} from {issuer}"
            )
        return fact

    # Not documented in OpenAPI and not parsed by marshmallow: 500 facts a call, several times a second.
    @web.service(WORKER, *others)
    def take_events() -> Response:
        try:
            batch = msgspec.json.decode(request.get_data(), type=_Batch)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(str(error)) from error
        if len(batch.events) > EVENTS_MAX:
            raise Invalid(f"more than {EVENTS_MAX} events")
        return http.answer({"answers": take_in([read(item) for item in batch.events])})

    routes.add_url_rule("/events", view_func=take_events, methods=["POST"], provide_automatic_options=False)
    # So that a test can ask whether every event's destination takes it in.
    routes.record_once(lambda state: state.app.extensions.update(events_taken=frozenset(handlers)))
    return routes
