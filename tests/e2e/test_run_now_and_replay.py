"""Runs that a user asks for: POST /jobs/{id}/run and /replay."""

import json
import time

import pytest

import shapes
import wait
from receiver import Answer

INSERT = """
INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code, duration_ms,
                        attempts, version, timeout_seconds, error)
SELECT %s, slot, 0, slot, slot, status::execution_status, code, duration, attempts, 1, 30, error
  FROM unnest(%s::int[]) AS n, date_trunc('minute', now() - n * interval '1 minute') AS slot,
       (VALUES ('success', 200, 5, 1, NULL), ('failure', 500, 5, 1, 'HTTP 500'), ('skipped', NULL, NULL, 0, 'missed'))
       AS kind (status, code, duration, attempts, error) WHERE kind.status = %s"""


def run(api, job: int, **options) -> dict:
    answer = api.post(f"/jobs/{job}/run", **options)
    assert answer.status_code == 202, answer.text
    return answer.json()


def ended(api, job: int, execution: str) -> dict:
    def look():
        found = api.get(f"/jobs/{job}/executions/{execution}").json()
        return found if found.get("status") not in (None, "pending") else None
    return wait.until(look, 40, f"the end of {execution}", 0.1)


def window(minutes: int = 60) -> dict:
    now = int(time.time())
    return {name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
            for name, at in (("from", now - 60 * minutes), ("to", now))}


# ---- run now

@pytest.mark.parametrize("options", [{}, {"json": {}}], ids=["no body", "empty object"])
def test_run_now(receiver, business, options):
    path = f"/run/{time.time_ns()}"
    job = business.create_job(webhook_url=receiver.script(path, Answer(body=b"done")), payload={"a": 1})
    answer = run(business, job["id"], **options)
    shapes.check_execution(answer)
    assert answer["status"] == "pending" and answer["trigger"] == "run" and answer["replay_of"] is None
    request, = receiver.wait(path, timeout_s=20)
    assert request.webhook_id == answer["id"] and json.loads(request.body) == {"a": 1}
    execution = ended(business, job["id"], answer["id"])
    assert (execution["status"], execution["attempts"]) == ("success", 1)
    assert business.executions(job["id"])[0]["id"] == answer["id"]


def test_each_run_has_its_own_id(receiver, business):
    path = f"/run/{time.time_ns()}"
    job = business.create_job(webhook_url=receiver.url(path))
    made = [run(business, job["id"])["id"] for _ in range(3)]
    assert len(set(made)) == 3
    assert {each.webhook_id for each in receiver.wait(path, 3, 20)} == set(made)


def test_a_paused_job_may_be_run(receiver, business):
    path = f"/run/{time.time_ns()}"
    job = business.create_job(webhook_url=receiver.url(path))
    business.patch(f"/jobs/{job['id']}", json={"enabled": False})
    execution = run(business, job["id"])["id"]
    assert ended(business, job["id"], execution)["status"] == "success"
    assert business.get(f"/jobs/{job['id']}").json()["enabled"] is False


def test_a_repeated_request_runs_once(receiver, business):
    path = f"/run/{time.time_ns()}"
    job = business.create_job(webhook_url=receiver.url(path))
    answers = [run(business, job["id"], headers={"Idempotency-Key": "once"}) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    ended(business, job["id"], answers[0]["id"])
    assert len(receiver.requests(path)) == 1


def test_over_the_burst_of_the_plan(stack, api):
    wait.clear_of_minute(10)
    job = api.create_job()
    answers = [api.post(f"/jobs/{job['id']}/run") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert 1 <= int(answers[5].headers["retry-after"]) <= 60


@pytest.mark.parametrize("options, status, words", [
    ({"json": {"now": True}}, 400, "Unknown field: now"), ({"json": []}, 400, "object"), ({"content": b"{}"}, 415, "Content-Type"),
    ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "body")], ids=str)
def test_wrong_runs(api, options, status, words):
    job = api.create_job()
    shapes.check_error(api.post(f"/jobs/{job['id']}/run", **options), status, words)
    assert api.executions(job["id"]) == []


def test_only_ones_own(stack, api):
    job = api.create_job()
    stranger = stack.account()
    shapes.check_error(stranger.post(f"/jobs/{job['id']}/run"), 404, "Job not found")
    shapes.check_error(stranger.post(f"/jobs/{job['id']}/replay", json=window()), 404, "Job not found")
    stranger.close()
    assert api.options(f"/jobs/{job['id']}/run").headers["allow"] == "POST, OPTIONS"
    assert api.get(f"/jobs/{job['id']}/replay").status_code == 405


# ---- replay

def test_replay(stack, receiver, business):
    path = f"/replay/{time.time_ns()}"
    job = business.create_job(webhook_url=receiver.url(path))["id"]
    for status, minutes in (("failure", [5, 6]), ("skipped", [7]), ("success", [8])):
        stack.postgres.query(INSERT, job, minutes, status)
    originals = {row["id"]: row for row in business.executions(job)}
    answer = business.post(f"/jobs/{job}/replay", json=window())
    assert answer.status_code == 202 and answer.json()["count"] == 3 == len(answer.json()["executions"])
    assert not set(answer.json()["executions"]) & set(originals)
    for execution in answer.json()["executions"]:
        row = ended(business, job, execution)
        original = originals[row["replay_of"]]
        assert (row["status"], row["trigger"], row["scheduled_at"]) == ("success", "replay", original["scheduled_at"])
        assert original["status"] in ("failure", "skipped")
    assert {each.webhook_id for each in receiver.requests(path)} == set(answer.json()["executions"])
    again = business.post(f"/jobs/{job}/replay", json=window() | {"statuses": ["success"]})
    assert again.json()["count"] == 1, "replays themselves are not run again"


def test_replay_of_nothing(business):
    job = business.create_job()["id"]
    answer = business.post(f"/jobs/{job}/replay", json=window())
    assert (answer.status_code, answer.json()) == (202, {"count": 0, "executions": []})


def test_a_window_with_more_than_a_thousand(stack, business):
    job = business.create_job()["id"]
    stack.postgres.query("SELECT executions_maintain(current_date - 3, current_date - 1, current_date - 40)")
    stack.postgres.query(INSERT, job, list(range(1, 1002)), "failure")
    shapes.check_error(business.post(f"/jobs/{job}/replay", json=window(2000)), 400, "narrow the window")


GOOD = {"from": "2026-05-09T12:00:00Z", "to": "2026-05-09T13:00:00Z"}


@pytest.mark.parametrize("fields, words", [
    ({"from": ...}, "from: required"), ({"to": ...}, "to: required"), ({"from": 5}, "from"), ({"to": "noon"}, "to"),
    ({"from": "2026-05-09T13:00:01Z"}, "from: must not be after to"),
    ({"from": "2026-04-08T12:59:59Z"}, "31 days"), ({"statuses": []}, "statuses"), ({"statuses": "failure"}, "statuses"),
    ({"statuses": ["pending"]}, "statuses"), ({"statuses": ["failure", 1]}, "statuses"), ({"statuses": None}, "statuses"),
    ({"until": 1}, "Unknown field: until")], ids=str)
def test_wrong_windows(api, fields, words):
    job = api.create_job()["id"]
    body = {name: value for name, value in (GOOD | fields).items() if value is not ...}
    shapes.check_error(api.post(f"/jobs/{job}/replay", json=body), 400, words)


def test_the_longest_window(api):
    job = api.create_job()["id"]
    answer = api.post(f"/jobs/{job}/replay", json=GOOD | {"from": "2026-04-08T13:00:00Z"})
    assert answer.status_code == 202, answer.text
