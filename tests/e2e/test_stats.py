"""GET /jobs/{id}/stats."""

import pytest

import shapes

EMPTY = {"executions": 0, "success": 0, "failure": 0, "skipped": 0, "success_rate": None,
         "duration_ms": {"p50": None, "p95": None}, "lateness_ms": {"p50": None, "p95": None}}
INSERT = """
INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code, duration_ms,
                        attempts, version, timeout_seconds, error, trigger)
SELECT %s, slot, %s, slot + %s * interval '1 ms', now(), %s::execution_status, 200, %s, %s, 1, 30, NULL,
       %s::execution_trigger FROM (SELECT date_trunc('minute', now() - %s * interval '1 minute') AS slot) AS s"""


def insert(stack, job, minutes, status="success", duration=10, late=5, attempts=1, replay=0, trigger="schedule"):
    stack.postgres.query(INSERT, job, replay, late, status, duration, attempts, trigger, minutes)


@pytest.fixture
def job(stack, business):
    stack.postgres.query("SELECT executions_maintain(current_date - 31, current_date - 1, current_date - 40)")
    return business.create_job()["id"]


def stats(api, job: int) -> dict:
    answer = api.get(f"/jobs/{job}/stats")
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["24h", "7d", "30d"]
    return answer.json()


def test_of_a_job_that_never_ran(business, job):
    assert stats(business, job) == {"24h": EMPTY, "7d": EMPTY, "30d": EMPTY}


def test_counts_and_percentiles(stack, business, job):
    for number in range(1, 21):
        insert(stack, job, number, "failure" if number % 4 == 0 else "success", duration=100 * number, late=number)
    assert stats(business, job)["24h"] == {
        "executions": 20, "success": 15, "failure": 5, "skipped": 0, "success_rate": 0.75,
        "duration_ms": {"p50": 1000, "p95": 1900}, "lateness_ms": {"p50": 10, "p95": 19}}


def test_windows(stack, business, job):
    for days in (0, 2, 8, 29.9, 30.1):
        insert(stack, job, days * 1440 + 5)
    found = stats(business, job)
    assert [found[window]["executions"] for window in ("24h", "7d", "30d")] == [1, 2, 4]


def test_what_has_no_times_counts_without(stack, business, job):
    insert(stack, job, 1, "skipped", duration=None, attempts=0)
    insert(stack, job, 2, "pending", duration=None, attempts=0)
    found = stats(business, job)["24h"]
    assert found == EMPTY | {"executions": 2, "skipped": 1}
    insert(stack, job, 3)
    assert stats(business, job)["24h"] == {
        "executions": 3, "success": 1, "failure": 0, "skipped": 1, "success_rate": 1,
        "duration_ms": {"p50": 10, "p95": 10}, "lateness_ms": {"p50": 5, "p95": 5}}


def test_lateness_is_of_the_first_attempt_of_the_schedule(stack, business, job):
    insert(stack, job, 10, late=150_000, attempts=2)
    stack.postgres.query("""
        INSERT INTO attempts (job_id, scheduled_at, replay, attempt, started_at, duration_ms)
        SELECT job_id, scheduled_at, replay, 1, scheduled_at + interval '7 ms', 5 FROM executions WHERE job_id = %s""", job)
    insert(stack, job, 11, late=900_000, replay=3, trigger="replay")
    insert(stack, job, 12, late=900_000, replay=4, trigger="run")
    assert stats(business, job)["24h"]["lateness_ms"] == {"p50": 7, "p95": 7}


def test_within_the_history_of_the_plan(stack, api):
    stack.postgres.query("SELECT executions_maintain(current_date - 31, current_date - 1, current_date - 40)")
    job = api.create_job()["id"]
    for days in (1.5, 6.5, 7.5, 20):
        insert(stack, job, days * 1440)
    found = stats(api, job)
    assert [found[window]["executions"] for window in ("24h", "7d", "30d")] == [0, 2, 2]


def test_many_executions_are_read_by_the_key(stack, business, job):
    stack.postgres.query("""
        INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code,
                                duration_ms, attempts, version, timeout_seconds)
        SELECT %s, slot, 0, slot, slot, 'success', 200, n, 1, 1, 30
          FROM generate_series(1, 43000) AS n, date_trunc('minute', now() - n * interval '1 minute') AS slot""", job)
    found = stats(business, job)
    assert found["24h"]["executions"] in (1439, 1440) and found["30d"]["executions"] == 43000
    assert found["30d"]["duration_ms"] == {"p50": 21500, "p95": 40850}


def test_only_ones_own(stack, job):
    stranger = stack.account()
    shapes.check_error(stranger.get(f"/jobs/{job}/stats"), 404, "Job not found")
    assert stranger.options(f"/jobs/{job}/stats").headers["allow"] == "GET, HEAD, OPTIONS"
    stranger.close()
