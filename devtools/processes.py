"""What runs beside the servers: gateway, services, worker and scheduler, and whether one of them is ready."""

import http.client
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

from devtools.children import accepts_connections
from devtools.environment import Installation
from shared.settings import SERVICES

LISTENERS = ("gateway", "internal", *SERVICES)
"""The public listener first."""


def commands(
    place: Installation, ports: Mapping[str, int], *, host: str, certificate: tuple[Path, Path] | None
) -> dict[str, tuple[list[str], Mapping[str, str]]]:
    """Of each process what is run, and its environment; the public listener is at `host` and has the certificate."""
    public = _granian("gateway.app:create_app", ports["gateway"], 4, workers=2, host=host)
    if certificate is not None:
        chain, key = certificate
        public += ["--ssl-certificate", str(chain), "--ssl-keyfile", str(key), "--ssl-protocol-min", "tls1.2"]
    internal = _granian("gateway.app:create_internal_app", ports["internal"], 16)
    return {
        "gateway": (public, place.gateway()),
        **{service: (_service(service, ports[service]), place.service(service)) for service in SERVICES},
        "internal": (internal, place.gateway()),
        "worker": ([sys.executable, "-m", "services.work", "worker"], place.worker()),
        "scheduler": ([sys.executable, "-m", "services.work", "scheduler"], place.worker()),
    }


def _service(service: str, port: int) -> list[str]:
    # Scans come all at once, and threads of one process fight for the interpreter: two processes of one thread
    # took 600 scans a second where two of two took 490 (./dev bench checkin, 2 cores).
    workers, threads = (2, 1) if service == "checkin" else (1, 4)
    return _granian(f"services.{service}.app:create_app", port, threads, workers=workers)


def _granian(target: str, port: int, threads: int, *, workers: int = 1, host: str = "127.0.0.1") -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", target, "--host", host),
        *("--port", str(port), "--workers", str(workers), "--blocking-threads", str(threads), "--no-ws"),
        # Its warnings are about numbers of threads that were measured.
        *("--log-level", "error", "--workers-kill-timeout", "2"),
    ]


def answers_ready(port: int, *, tls: bool = False) -> bool:
    """Whether /health/ready answers 200."""
    if not accepts_connections(port):
        return False
    connection: http.client.HTTPConnection
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=_trusting())
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _trusting() -> ssl.SSLContext:
    """Asks our own process whether it is ready: its certificate is made on the spot."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
