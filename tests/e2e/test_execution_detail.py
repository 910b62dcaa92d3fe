"""GET /jobs/{id}/executions/{execution}: one execution with each of its attempts."""

import time

import pytest

import shapes
import wait
from receiver import Answer

ATTEMPT = ["attempt", "started_at", "duration_ms", "dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "response_code",
           "error", "response"]
SLOT = "date_trunc('minute', now() - interval '1 hour')"


def show(api, job: int, execution: str) -> dict:
    answer = api.get(f"/jobs/{job}/executions/{execution}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    shapes.check_execution({name: value for name, value in body.items() if name != "attempt_log"})
    assert list(body)[-1] == "attempt_log"
    assert all(list(attempt) == ATTEMPT for attempt in body["attempt_log"])
    return body


def run(api, job: int) -> dict:
    execution = api.post(f"/jobs/{job}/run").json()["id"]
    wait.until(lambda: show(api, job, execution)["status"] != "pending", 40, "the end of the run", 0.1)
    return show(api, job, execution)


def test_of_a_run(receiver, business):
    path = f"/detail/{time.time_ns()}"
    url = receiver.script(path, Answer(status=404, body=b"\xff<nope> \x00 \xe2\x82\xac" + b"x" * 2000))
    shown = run(business, business.create_job(webhook_url=url)["id"])
    assert (shown["status"], shown["response_code"], shown["attempts"]) == ("failure", 404, 1)
    attempt, = shown["attempt_log"]
    assert (attempt["attempt"], attempt["response_code"], attempt["error"]) == (1, 404, "HTTP 404")
    assert attempt["started_at"] == shown["triggered_at"] and attempt["duration_ms"] == shown["duration_ms"]
    assert 0 <= attempt["first_byte_ms"] <= attempt["duration_ms"] + 1
    assert attempt["tls_ms"] is None
    for part in ("dns_ms", "connect_ms"):  # null on a connection that was there
        assert attempt[part] is None or 0 <= attempt[part] <= attempt["duration_ms"] + 1
    assert attempt["response"].startswith("\ufffd<nope> \x00 \u20ac") and 1000 < len(attempt["response"]) <= 1024


def test_of_a_refused_connection(business):
    job = business.create_job(max_retries=0)["id"]
    attempt, = run(business, job)["attempt_log"]
    assert attempt["error"] and attempt["response_code"] is attempt["response"] is attempt["first_byte_ms"] is None


def test_attempts_in_order(stack, api):
    """Rows as the leader writes them: earlier attempts apart, the newest with its execution."""
    job = api.create_job()["id"]
    (slot,), = stack.postgres.query(f"""
        INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code, duration_ms,
                                attempts, version, timeout_seconds, dns_ms, connect_ms, first_byte_ms, response)
        SELECT %s, {SLOT}, 0, {SLOT} + interval '150 s', {SLOT} + interval '151 s', 'success', 200, 1000, 3, 1, 30,
               1, 2, 990, 'fine' RETURNING extract(epoch FROM scheduled_at)::bigint""", job)
    stack.postgres.query(f"""
        INSERT INTO attempts (job_id, scheduled_at, replay, attempt, started_at, duration_ms, response_code, error, response)
        SELECT %s, {SLOT}, 0, n, {SLOT} + n * interval '10 s', 100 * n, 500 + n, 'HTTP ' || 500 + n, NULL
          FROM unnest(ARRAY[2, 1]) AS n""", job)
    shown = show(api, job, f"msg_{job}_{slot}")
    assert [(each["attempt"], each["duration_ms"], each["response_code"], each["response"]) for each in shown["attempt_log"]] == [
        (1, 100, 501, None), (2, 200, 502, None), (3, 1000, 200, "fine")]
    assert [each["error"] for each in shown["attempt_log"]] == ["HTTP 501", "HTTP 502", None]


def test_while_it_waits_for_a_retry(receiver, business):
    path = f"/detail/{time.time_ns()}"
    job = business.create_job(webhook_url=receiver.script(path, Answer(status=503, body=b"busy")))["id"]
    execution = business.post(f"/jobs/{job}/run").json()["id"]
    waiting = wait.until(lambda: (shown := show(business, job, execution))["next_attempt_at"] and shown["attempt_log"] and shown,
                         20, "a retry to be waited for", 0.1)
    assert (waiting["status"], waiting["completed_at"], waiting["attempts"]) == ("pending", None, 1)
    assert 20 <= shapes.parse_time(waiting["next_attempt_at"]) - shapes.parse_time(waiting["triggered_at"]) <= 40
    attempt, = waiting["attempt_log"]
    assert (attempt["attempt"], attempt["response_code"], attempt["response"]) == (1, 503, "busy")


def test_of_one_that_has_not_begun(stack, api):
    job = api.create_job()["id"]
    for minutes, status, error in ((1, "pending", None), (2, "skipped", "missed")):
        (slot,), = stack.postgres.query(f"""
            INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, attempts, version,
                                    timeout_seconds, error)
            SELECT %s, slot, 0, slot, CASE WHEN %s = 'skipped' THEN slot END, %s::execution_status, 0, 1, 30, %s
              FROM (SELECT {SLOT} - %s * interval '1 minute' AS slot) AS s
            RETURNING extract(epoch FROM scheduled_at)::bigint""", job, status, status, error, minutes)
        shown = show(api, job, f"msg_{job}_{slot}")
        assert (shown["status"], shown["error"], shown["attempt_log"]) == (status, error, [])


@pytest.mark.parametrize("execution", [
    "msg_{job}_60", "msg_1", "msg_{job}", "x", "msg_{job}_1778335200_0", "msg_{job}_01778335200", "msg_0_1778335200",
    "msg_{job}_99999999999999999999", "msg_notice_1", "msg_{job}_1778335200_1_1", "%20", "MSG_{job}_1778335200"])
def test_ids_of_none(api, execution):
    job = api.create_job()["id"]
    shapes.check_error(api.get(f"/jobs/{job}/executions/{execution.format(job=job)}"), 404, "Execution not found")


def test_of_another_job_or_account(stack, business):
    job, other = (business.create_job(max_retries=0)["id"] for _ in range(2))
    execution = run(business, job)["id"]
    shapes.check_error(business.get(f"/jobs/{other}/executions/{execution}"), 404, "Execution not found")
    stranger = stack.account()
    shapes.check_error(stranger.get(f"/jobs/{job}/executions/{execution}"), 404, "Job not found")
    stranger.close()


def test_within_the_history_of_the_plan(stack, api):
    job = api.create_job()["id"]
    stack.postgres.query("SELECT executions_maintain(current_date - 31, current_date - 1, current_date - 40)")
    found = {}
    for days in (6, 8):
        (slot,), = stack.postgres.query("""
            INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code,
                                    duration_ms, attempts, version, timeout_seconds)
            SELECT %s, slot, 0, slot, slot, 'success', 200, 1, 1, 1, 30
              FROM (SELECT date_trunc('minute', now() - %s * interval '1 day') AS slot) AS s
            RETURNING extract(epoch FROM scheduled_at)::bigint""", job, days)
        found[days] = f"/jobs/{job}/executions/msg_{job}_{slot}"
    assert (api.get(found[6]).status_code, api.get(found[8]).status_code) == (200, 404)
    stack.set_plan(api.address, "pro")
    assert api.get(found[8]).status_code == 200
