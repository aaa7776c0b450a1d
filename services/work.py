"""The two processes that serve no HTTP: `python -m services.work worker|scheduler [--healthy]`.

RQ's own command line reads REDIS_URL from the environment itself, knows nothing of REDIS_URL_FILE, and
writes log lines that nobody redacts. `--healthy` asks whether this machine's process is registered
in Redis, and exits 0 or 1.
"""

import argparse
import socket
from pathlib import Path

from redis import Redis
from rq import Queue, Worker
from rq.cron import CronScheduler
from rq.worker import SimpleWorker

from shared import log, queue, settings
from shared.settings import SERVICES, ServiceSettings

_SCHEDULE = Path(__file__).with_name("schedule.py")


def serve(process: str) -> None:
    """Run until a signal asks to stop. Settings are judged now, and not when the first job comes."""
    for service in SERVICES:
        ServiceSettings.from_environment(service)
    log.configure(process)
    connection = _redis()
    if process == "worker":
        # One process: a fork for each job would open every connection anew.
        worker = SimpleWorker([Queue(queue.QUEUE, connection=connection)], connection=connection)
        worker.work(logging_level="WARNING")
    else:
        scheduler = CronScheduler(connection, "WARNING")
        scheduler.load_config_from_file(str(_SCHEDULE))
        scheduler.start()  # type: ignore[no-untyped-call]


def is_healthy(process: str) -> bool:
    """Whether a worker or scheduler of this machine (this container) is registered."""
    here = socket.gethostname()
    if process == "worker":
        return any(worker.hostname == here for worker in Worker.all(connection=_redis()))
    return any(scheduler.hostname == here for scheduler in CronScheduler.all(_redis()))


def _redis() -> Redis:
    """RQ waits long for its next job, so it sets its timeouts itself."""
    return Redis.from_url(settings.get("REDIS_URL"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.work", description="The worker or the scheduler.")
    parser.add_argument("name", choices=("worker", "scheduler"))
    parser.add_argument("--healthy", action="store_true", help="only ask whether it runs here")
    chosen = parser.parse_args()
    if chosen.healthy:
        return 0 if is_healthy(chosen.name) else 1
    serve(chosen.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
