"""The history of a job: pages, the plan's window, every status."""

import pytest

import shapes
import wait

INSERT = """
INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code, duration_ms,
                        attempts, version, timeout_seconds, error)
SELECT %s, slot, 0, slot + interval '100 ms', slot + interval '1.4 s', 'success', 200, 1300, 1, 1, 30, NULL
  FROM generate_series(1, %s) AS n, date_trunc('minute', now() - n * interval '1 minute') AS slot"""


@pytest.fixture
def job(stack, api):
    """With 250 executions, one a minute."""
    made = api.create_job()["id"]
    stack.postgres.query(INSERT, made, 250)
    return made


def test_the_newest_come_first(api, job):
    rows = api.executions(job)
    assert len(rows) == 100
    for row in rows:
        shapes.check_execution(row)
    times = [row["triggered_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    documented = {name: rows[0][name] for name in shapes.EXECUTION[:6]}
    assert documented | {"triggered_at": 0, "completed_at": 0} == {
        "triggered_at": 0, "completed_at": 0, "status": "success", "response_code": 200, "duration_ms": 1300, "error": None}


def test_pages_make_the_whole(api, job):
    pages = [api.executions(job, limit=100, offset=offset) for offset in (0, 100, 200, 300)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert sum(pages, []) == api.executions(job, limit=500)


@pytest.mark.parametrize("query, name", [
    ({"limit": 0}, "limit"), ({"limit": 501}, "limit"), ({"limit": -1}, "limit"), ({"limit": "x"}, "limit"),
    ({"limit": "1e2"}, "limit"), ({"limit": [1, 2]}, "limit: given twice"), ({"offset": -1}, "offset"), ({"offset": "x"}, "offset"), ({"offset": 10 ** 30}, "offset")])
def test_bounds(api, job, query, name):
    shapes.check_error(api.get(f"/jobs/{job}/executions", params=query), 400, name)


def test_limits_at_their_ends(api, job):
    assert len(api.executions(job, limit=1)) == 1
    assert len(api.executions(job, limit=500)) == 250
    assert api.executions(job, offset=250) == []


def test_history_ends_with_the_plan(stack, api):
    made = api.create_job()["id"]
    stack.postgres.query("SELECT executions_maintain(current_date - 31, current_date - 1, current_date - 40)")
    stack.postgres.query("""
        INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code,
                                duration_ms, attempts, version, timeout_seconds)
        SELECT %s, slot, 0, slot, slot, 'success', 200, 1, 1, 1, 30
          FROM unnest(ARRAY[1, 6, 8, 29]) AS days, date_trunc('minute', now() - days * interval '1 day') AS slot""", made)
    assert len(api.executions(made)) == 2
    stack.set_plan(api.address, "pro")
    assert len(api.executions(made)) == 4


def test_every_status_has_its_shape(stack, api):
    made = api.create_job()["id"]
    stack.postgres.query("""
        INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code,
                                duration_ms, attempts, version, timeout_seconds, error)
        SELECT %s, slot, 0, slot, completed, status::execution_status,
               code, duration, attempts, 1, 30, error
          FROM (VALUES (1, NULL::timestamptz, 'pending', NULL::int, NULL::int, 0, NULL),
                       (2, now(), 'skipped', NULL, NULL, 0, 'missed'),
                       (3, now(), 'failure', 503, 1043, 1, 'HTTP 503'),
                       (4, now(), 'failure', NULL, 10000, 1, 'timed out after 10 s'))
               AS v (n, completed, status, code, duration, attempts, error),
               date_trunc('minute', now() - n * interval '1 minute') AS slot""", made)
    rows = api.executions(made)
    for row in rows:
        shapes.check_execution(row)
    assert [row["status"] for row in rows] == ["pending", "skipped", "failure", "failure"]
    assert rows[0]["completed_at"] is None and rows[1]["error"] == "missed"
    assert (rows[2]["response_code"], rows[2]["error"]) == (503, "HTTP 503")


def test_partitions_are_made_ahead_and_dropped_in_the_end(make_stack):
    stack = make_stack(gateways=0, schedulers=0, dispatchers=0, mailer=False)
    stack.postgres.query("SELECT executions_maintain(current_date - 60, current_date - 1, current_date - 99)")
    stack.add("scheduler", HISTORY_DAYS="31").wait_ready()

    def days() -> set[int]:
        return {days for days, in stack.postgres.query(
            "SELECT to_date(right(relname, 8), 'YYYYMMDD') - current_date FROM pg_class "
            "WHERE relkind = 'r' AND relname ~ '^executions_[0-9]{8}$'")}
    wait.until(lambda: min(days()) >= -32, 20, "old partitions are dropped")
    assert set(range(-30, 2)) <= days()
