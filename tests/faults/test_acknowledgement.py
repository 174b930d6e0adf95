"""A commit whose acknowledgement was lost: whoever asks again gets what was done."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from jobsched.core.chaos.proxy import Proxy
from jobsched.core.config import Settings
from jobsched.core.model.errors import StoreUnreachable
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service

from .fleet import until


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """A way to the store that can swallow answers."""
    parts = urlsplit(database_url)
    made = Proxy(lambda: (parts.hostname or "", parts.port or 0))
    yield made
    made.close()


def test_a_submitter_that_never_heard_the_answer_submits_again_and_there_is_one_job(
    settings: Settings, proxy: Proxy
) -> None:
    """The same key returns the job that the lost commit had made."""
    parts = urlsplit(settings["database_url"])
    url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()
    job = NewJob("noop", {"n": 1}, idempotency_key="order-1")
    with (
        Service(settings, registry=Registry()) as witness,
        Service(settings.replace(database_url=url), registry=Registry()) as submitter,
        ThreadPoolExecutor(1) as pool,
    ):
        submitter.submit(NewJob("noop"))
        proxy.swallow_answers()
        unheard = pool.submit(submitter.submit, job)
        try:
            until(lambda: len(witness.list()) == 2, "the commit has happened")
            assert not unheard.done()
        finally:
            proxy.forget()
        with pytest.raises(StoreUnreachable):
            unheard.result(30)

        again = submitter.submit(job)

        assert not again.created
        assert [each.id for each in witness.list()][:1] == [again.id]
        assert len(witness.list()) == 2
