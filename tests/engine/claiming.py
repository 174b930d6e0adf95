"""A claimer under test: which jobs it takes, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

from jobsched.core.engine.claimer import Claimer
from jobsched.core.model.job import NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.service import Service
from jobsched.core.store import leases
from jobsched.core.store.leases import Claimed
from jobsched.core.store.link import Link
from jobsched.core.store.store import Store
from jobsched.tests.store.leasing import success, worker


class Bench:
    """A claimer whose jobs end at once; after each claim `then` may bring more."""

    def __init__(self, store: Store, service: Service) -> None:
        self.store = store
        self.service = service
        self.conn = store.connect("test")
        self.worker_id = worker(self.conn)
        self.taken: list[int] = []

    def submit(self, priority: Priority, times: int = 1, queue: str = "default") -> list[int]:
        made = self.service.submit_many([NewJob("noop", priority=priority, queue=queue)] * times)
        return [each.id for each in made]

    def age(self, *ids: int) -> None:
        """An hour passes for these jobs."""
        older = "update jobsched.ready set since = since - interval '1 h' where job_id = any (%s)"
        self.conn.execute(older, [list(ids)])

    def take(
        self, times: int, *, room: int = 1, aging: float = 0.0, then: Callable[[], Any] = lambda: None
    ) -> list[int]:
        """Claim and end so many jobs, `room` at a time; return their ids in that order."""
        taken: list[int] = []

        def end(jobs: list[Claimed], _: int) -> None:
            taken.extend(job.job_id for job in jobs)
            assert leases.succeed(self.conn, self.worker_id, success(jobs))
            then()
            if len(taken) >= times:
                claimer.stop()

        claimer = Claimer(
            Link(lambda: self.store.connect("claimer"), "the store", Event()),
            worker_id=lambda: self.worker_id,
            queues=None,
            types=["noop"],
            room=lambda: room,
            room_for_solo=lambda: True,
            take=end,
            more=lambda *_: None,
            full=lambda: None,
            poll=0.01,
            aging=aging,
        )
        claimer.run()
        return taken
