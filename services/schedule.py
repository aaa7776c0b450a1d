"""What `rq cron` rings for: exactly one such process runs, and every sweep may run twice.

A sweep finds what no nudge announced: a lost ring, an emptied Redis, a killed worker.
"""

from rq import cron

from shared import queue

SWEEP_S = 5

for service in ("members", "checkin", "points", "rewards"):
    cron.register(
        queue.sweep,
        queue_name=queue.QUEUE,
        args=(service,),
        interval=SWEEP_S,
        job_timeout=300,
        result_ttl=0,
        # Rings that no worker heard in time are not answered all at once later.
        ttl=3 * SWEEP_S,
    )
