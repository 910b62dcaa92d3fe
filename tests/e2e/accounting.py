"""
The books: every due slot of every job has exactly one execution, and the receiver saw it once.

Slots are what the API promised: from a job's next_run_at on, every minute.
"""

import collections
import dataclasses
import re

import wait
from shapes import parse_time

WEBHOOK_ID = re.compile(r"msg_(\d+)_(\d+)")
MINUTE_S = 60


@dataclasses.dataclass
class Books:
    slots: int = 0
    posts: int = 0
    twice: int = 0  # slots that the receiver saw a second time
    worst_lateness_s: float = 0.0  # of a slot's first POST


def expected_slots(job: dict, until_s: int) -> set[int]:
    return set(range(int(parse_time(job["next_run_at"])), until_s + 1, MINUTE_S))


def rows_of(stack, jobs: list[dict], until_s: int) -> dict[tuple[int, int], list[tuple]]:
    """(status, error) of every execution, by job and slot."""
    found = stack.postgres.query(
        "SELECT job_id, extract(epoch FROM scheduled_at)::bigint, status::text, error FROM executions "
        "WHERE job_id = ANY(%s) AND scheduled_at <= to_timestamp(%s)", [job["id"] for job in jobs], until_s)
    rows = collections.defaultdict(list)
    for job, slot, status, error in found:
        rows[job, slot].append((status, error))
    return rows


def settle(stack, jobs: list[dict], until_s: int, timeout_s: float) -> None:
    """Waits until every expected slot has a row that is final; says which are missing otherwise."""
    expected = {(job["id"], slot) for job in jobs for slot in expected_slots(job, until_s)}
    open_slots = set(expected)

    def settled() -> bool:
        rows = rows_of(stack, jobs, until_s)
        open_slots.clear()
        open_slots.update(key for key in expected
                          if not rows.get(key) or any(status == "pending" for status, _ in rows[key]))
        return not open_slots
    try:
        wait.until(settled, timeout_s, f"all of {len(expected)} slots have a final row", 0.25)
    except AssertionError:
        raise AssertionError(f"{len(open_slots)} of {len(expected)} slots are open after {timeout_s} s, "
                             f"for example {sorted(open_slots)[:5]}") from None


def check(stack, receiver, jobs: list[dict], until_s: int, *, path_of, twice_allowed: bool = False,
          timeout_s: float = 60) -> Books:
    """path_of tells the receiver's path of a job."""
    settle(stack, jobs, until_s, timeout_s)
    rows = rows_of(stack, jobs, until_s)
    books = Books()
    for job in jobs:
        expected = expected_slots(job, until_s)
        recorded = {slot for job_id, slot in rows if job_id == job["id"]}
        assert recorded == expected, f"job {job['id']}: rows of {recorded}, due were {expected}"
        for slot in expected:
            assert rows[job["id"], slot] == [("success", None)], (job["id"], slot, rows[job["id"], slot])

        seen = collections.defaultdict(list)
        for request in receiver.requests(path_of(job)):
            name, slot = map(int, WEBHOOK_ID.fullmatch(request.webhook_id).groups())
            assert name == job["id"], f"{request.webhook_id} came for job {job['id']}"
            if slot <= until_s:
                seen[slot].append(request.arrived)
        assert set(seen) == expected, f"job {job['id']}: POSTs of {set(seen)}, due were {expected}"
        for slot, arrivals in seen.items():
            assert len(arrivals) <= (2 if twice_allowed else 1), f"job {job['id']}, slot {slot}: {len(arrivals)} POSTs"
            books.slots += 1
            books.posts += len(arrivals)
            books.twice += len(arrivals) - 1
            books.worst_lateness_s = max(books.worst_lateness_s, min(arrivals) - slot)
            assert min(arrivals) >= slot, f"job {job['id']}, slot {slot}: {slot - min(arrivals)} s too early"
    return books
