"""RQ as a doorbell: a nudge says that there is something to do, never what.

If a nudge is lost, or Redis is emptied, the periodic sweep finds the rows. So every error here is
logged and swallowed.
"""

import functools
import importlib
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue

from shared import settings

QUEUE = "huzhu"
WAKE_S = 30
log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


@functools.cache
def connect(url: str) -> Redis:
    """A connection pool for the request path: no retries and short waits.

    A dead Redis costs 0.2 s at most, a silent one a second.
    """
    return Redis.from_url(url, socket_connect_timeout=0.2, socket_timeout=1.0, retry=Retry(NoBackoff(), 0))


def redis() -> Redis:
    return connect(settings.get("REDIS_URL"))


def nudge(service: str, job: str = "drain") -> None:
    """Ring for `services.<service>.jobs.<job>`, unless it has been rung and not yet answered."""
    try:
        connection = redis()
        if connection.set(_wake(service, job), 1, nx=True, ex=WAKE_S):
            Queue(QUEUE, connection=connection).enqueue(
                f"services.{service}.jobs.{job}", result_ttl=0, failure_ttl=60, job_timeout=300
            )
    except RedisError as error:
        log.warning("nudge lost", extra={"service": service, "job": job, "error": type(error).__name__})


def answer(service: str, job: str = "drain") -> None:
    """Take the ring back before looking for work, so that what comes meanwhile rings again."""
    try:
        redis().delete(_wake(service, job))
    except RedisError as error:
        log.warning("ring not taken back", extra={"service": service, "job": job, "error": type(error).__name__})


def sweep(service: str) -> None:
    """The scheduler's ring for a service's periodic work."""
    importlib.import_module(f"services.{service}.jobs").sweep()


@functools.cache
def _app(service: str) -> Flask:
    """The service's app, made once a process."""
    app: Flask = importlib.import_module(f"services.{service}.app").create_app()
    return app


def in_app(service: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run an RQ entry point inside its service's app.

    By name, since rooms do not import the app that is made of them.
    """

    def decorate(job: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(job)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with _app(service).app_context():
                return job(*args, **kwargs)

        return run

    return decorate


def _wake(service: str, job: str) -> str:
    return f"wake:{service}:{job}"
