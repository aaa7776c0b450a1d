"""The way from the gateway to a service: ids, principals, watched routes, and services that are silent."""

import logging
from collections.abc import Mapping

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
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        hasty: bool = False,
    ) -> Response:
        """One request to a service; Unavailable when it does not answer.

        `address` is the client's: what watched routes count is counted against it, and TooMany is raised
        past what it may. The service is told its network, for a slow-down of its own.
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
        self._limits.refuse_blocked(watched.kind, address)
        with self._limits.at_once(watched.kind, address, watched.at_once_max):
            answer = ask()
        if _is_counted(watched, answer):
            self._limits.count(watched.kind, address)
        return answer


def _is_counted(watched: routes.Watched, answer: Response) -> bool:
    if answer.status not in watched.statuses:
        return False
    return not watched.codes or problem_of(answer).get("code") in watched.codes


def problem_of(answer: Response) -> dict[str, object]:
    """The problem document of a refusal; empty when a service sent something else."""
    try:
        return msgspec.json.decode(answer.body, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
