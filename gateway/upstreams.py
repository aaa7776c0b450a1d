"""The way from the gateway to a service: ids, principals, watched routes, and services that are silent."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway import routes
from gateway.limits import Limits, network
from gateway.settings import GatewaySettings
from shared import principal
from shared.errors import Unavailable
from shared.http import NETWORK, REQUEST_ID
from shared.upstream import NoAnswer, Response, Upstream

PANEL_TIMEOUT_S = 1.0
"""A page waits no longer than this for one of its panels."""
log = logging.getLogger(__name__)


class Upstreams:
    def __init__(self, settings: GatewaySettings, limits: Limits) -> None:
        self._patient = {name: Upstream(url) for name, url in settings.service_urls.items()}
        self._hasty = {name: Upstream(url, timeout_s=PANEL_TIMEOUT_S) for name, url in settings.service_urls.items()}
        self._limits = limits

    def send(
        self,
        service: str,
        method: str,
        target: str,
        *,
        signed_principal: str,
        request_id: str,
        address: str,
        login: str | None = None,
        known_device: bool = False,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        hasty: bool = False,
    ) -> Response:
        """One request to a service; Unavailable when it does not answer.

        `address` and `login` are the client's: what watched routes count is counted against them, and TooMany is
        raised past what they may; `known_device` says that the address is not held against it. The
        service is told the network of the address, for a slow-down of its own.
        """
        watched = routes.WATCHED.get((method, target.partition("?")[0]))
        sent = {REQUEST_ID: request_id, principal.HEADER: signed_principal, **(headers or {})}
        neighbour = (self._hasty if hasty else self._patient)[service]

        def ask() -> Response:
            try:
                return neighbour.request(method, target, headers=sent, body=body)
            except NoAnswer as error:
                log.warning("no answer", extra={"service": service, "error": str(error), "request_id": request_id})
                raise Unavailable from error

        if watched is None:
            return ask()
        sent[NETWORK] = network(address)
        self._limits.refuse_blocked(watched.kind, address, login=login, known_device=known_device)
        with self._limits.at_once(watched.kind, address, watched.at_once_max):
            answer = ask()
        if _is_counted(watched, answer):
            self._limits.count(watched.kind, address, login=login)
        return answer


def _is_counted(watched: routes.Watched, answer: Response) -> bool:
    if answer.status not in watched.statuses:
        return False
    if not watched.codes:
        return True
    problem = problem_of(answer)
    if problem.get("code") not in watched.codes:
        return False
    return watched.why is None or any(outcome.get("why") == watched.why for outcome in _outcomes_of(problem))


def _outcomes_of(problem: dict[str, Any]) -> list[dict[str, Any]]:
    """What became of each member's scan, in the refusal of them all."""
    return list((problem.get("errors") or {}).get("outcomes", ()))


def problem_of(answer: Response) -> dict[str, Any]:
    """The problem document of a refusal; empty when a service sent something else."""
    try:
        return msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
