"""Where a claimer goes on reading: close behind what it has seen, and back again for what came late."""

from __future__ import annotations

import pytest

from jobsched.core.engine.cursors import Cursors

LANE, OTHER = ("default", 2), ("default", 1)
LANES = [OTHER, LANE]


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cursors(clock: Clock) -> Cursors:
    """Cursors after their first look from the start, which found nothing."""
    made = Cursors(clock)
    assert made.begin(LANES) == [0, 0]
    made.end({}, full=False, newest_seq=0, lanes=LANES, cost=0.001)
    clock.now += 0.001
    made.begin(LANES)  # the next one that looks 2 s back is 250 ms away
    made.end({}, full=False, newest_seq=0, lanes=LANES, cost=0.001)
    return made


def claim(cursors: Cursors, seen: dict[tuple[str, int], int], *, full: bool, newest: int = 0) -> list[int]:
    """Begin and end one claim; return where it read from."""
    began = cursors.begin(LANES)
    cursors.end(seen, full=full, newest_seq=newest, lanes=LANES, cost=0.001)
    return began


def test_in_full_flow_it_reads_on_from_the_last_job(cursors: Cursors) -> None:
    """Dead rows behind the cursor are not walked over."""
    claim(cursors, {LANE: 500}, full=True)
    assert claim(cursors, {LANE: 1000}, full=True) == [0, 500]
    assert claim(cursors, {LANE: 1500}, full=True) == [0, 1000]


def test_out_of_flow_it_looks_50_ms_back(cursors: Cursors, clock: Clock) -> None:
    """A transaction that drew an earlier number and committed later is found at once."""
    claim(cursors, {LANE: 10}, full=False)
    clock.now += 0.03
    claim(cursors, {LANE: 20}, full=False)
    clock.now += 0.03
    assert claim(cursors, {}, full=False) == [0, 10]
    clock.now += 0.06
    assert claim(cursors, {}, full=False) == [0, 20]


def test_four_times_a_second_it_looks_2_s_back_even_in_full_flow(cursors: Cursors, clock: Clock) -> None:
    """As it was 2 s ago: what was seen since is read again."""
    claim(cursors, {LANE: 100}, full=True)
    clock.now += 0.26
    assert claim(cursors, {LANE: 200}, full=True) == [0, 0]
    assert claim(cursors, {LANE: 300}, full=True) == [0, 200]


def test_once_a_second_it_looks_from_the_start(cursors: Cursors, clock: Clock) -> None:
    """Whatever was left behind is found in the end."""
    claim(cursors, {LANE: 100}, full=True)
    clock.now += 1.01
    assert claim(cursors, {}, full=False) == [0, 0]


def test_an_expensive_look_from_the_start_is_made_less_often(clock: Clock) -> None:
    """Never for more than a fiftieth of the time."""
    cursors = Cursors(clock)
    cursors.begin(LANES)
    cursors.end({LANE: 100}, full=True, newest_seq=0, lanes=LANES, cost=0.2)
    starts = 0
    for _ in range(100):
        clock.now += 0.1
        cursors.begin(LANES)
        starts += cursors._rescan
        cursors.end({}, full=True, newest_seq=0, lanes=LANES, cost=0.2)
    assert starts == 1


def test_a_rewind_looks_from_the_start_at_once(cursors: Cursors) -> None:
    """Somebody knows of a job behind the cursor."""
    claim(cursors, {LANE: 100}, full=True)
    cursors.rewind()
    assert claim(cursors, {LANE: 7}, full=True) == [0, 0]
    assert claim(cursors, {LANE: 101}, full=True) == [0, 7]
    assert claim(cursors, {}, full=True) == [0, 101]


def test_a_rewind_during_a_look_from_the_start_is_not_lost(cursors: Cursors) -> None:
    """That look's snapshot may be older than the word."""
    claim(cursors, {LANE: 100}, full=True)
    cursors.rewind()
    cursors.begin(LANES)
    cursors.rewind()
    cursors.end({}, full=True, newest_seq=0, lanes=LANES, cost=0.001)
    assert claim(cursors, {}, full=True) == [0, 0]
    assert claim(cursors, {}, full=True) == [0, 100]


def test_jobs_of_types_that_nobody_here_knows_are_passed(cursors: Cursors, clock: Clock) -> None:
    """A claim that was not full has read all lanes: the next ones do not walk over those jobs again."""
    claim(cursors, {LANE: 10}, full=False, newest=5000)
    clock.now += 0.06
    assert claim(cursors, {}, full=False, newest=5000) == [5000, 5000]


def test_a_full_claim_passes_nothing_that_it_has_not_seen(cursors: Cursors) -> None:
    """Lanes that it did not come to are not read."""
    claim(cursors, {OTHER: 10}, full=True, newest=5000)
    assert claim(cursors, {}, full=True) == [10, 0]


def test_a_full_claim_that_found_jobs_behind_goes_on_from_them(cursors: Cursors, clock: Clock) -> None:
    """There may be more of them than one claim takes."""
    claim(cursors, {LANE: 100}, full=True)
    claim(cursors, {LANE: 3}, full=True)
    assert claim(cursors, {LANE: 50}, full=True) == [0, 3]
    assert claim(cursors, {}, full=True) == [0, 50]


def test_an_empty_look_never_moves_a_cursor_back(cursors: Cursors, clock: Clock) -> None:
    """A late job with a small number does not make it read everything again."""
    claim(cursors, {LANE: 100}, full=True)
    claim(cursors, {LANE: 3}, full=False)
    clock.now += 0.06
    assert claim(cursors, {}, full=True) == [0, 100]


def test_what_a_rescan_finds_behind_the_cursor_is_followed_from_there(cursors: Cursors, clock: Clock) -> None:
    """A lane that was read while it was paused is not skipped up to the newest number."""
    claim(cursors, {}, full=False, newest=200_000)
    clock.now += 3.0
    cursors.rewind()
    assert claim(cursors, {LANE: 500}, full=True) == [0, 0]
    assert claim(cursors, {LANE: 1000}, full=True)[1] == 500
    clock.now += 0.3
    assert claim(cursors, {LANE: 1500}, full=True)[1] <= 1000


def test_looking_2_s_back_takes_a_twentieth_of_the_time_at_most(cursors: Cursors, clock: Clock) -> None:
    """While somebody holds an old snapshot, the dead rows of the last 2 s are walked over each time."""
    claim(cursors, {LANE: 100}, full=True)
    clock.now += 0.3
    assert cursors.begin(LANES)[1] < 100  # 2 s back
    cursors.end({LANE: 200}, full=True, newest_seq=0, lanes=LANES, cost=0.02)
    clock.now += 0.35
    assert claim(cursors, {LANE: 300}, full=True)[1] == 200
    clock.now += 0.1
    assert claim(cursors, {LANE: 400}, full=True)[1] < 300


def test_a_late_commit_is_read_from_its_own_place_on(cursors: Cursors) -> None:
    """Whoever committed late says where: nothing before it is walked over again, and no other queue."""
    claim(cursors, {LANE: 500, OTHER: 450}, full=True)
    cursors.rewind_to("default", 480)
    cursors.rewind_to("elsewhere", 3)
    assert claim(cursors, {LANE: 481}, full=True) == [450, 479]
    assert claim(cursors, {LANE: 501}, full=True) == [450, 481]
