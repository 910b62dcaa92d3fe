"""Jobs that a script declares: PUT /jobs/external/{external_id}."""

import time
import urllib.parse

import pytest

import raw_http
import shapes
import wait

BODY = {"name": "declared", "cron_expression": "0 * * * *", "webhook_url": "http://127.0.0.1:9/never"}


def put(api, name: str, **fields):
    return api.put(f"/jobs/external/{urllib.parse.quote(name, safe='')}", json=BODY | fields)


def test_created_then_the_same_then_replaced(stack, api):
    created = put(api, "deploy/nightly")
    assert created.status_code == 201, created.text
    job = created.json()
    shapes.check_job(job)
    assert job["external_id"] == "deploy/nightly" and job["enabled"] is True

    def version() -> tuple:
        return stack.postgres.query("SELECT version, updated_at FROM jobs WHERE id = %s", job["id"])[0]
    before = version()
    same = put(api, "deploy/nightly")
    assert (same.status_code, same.json()) == (200, job) and version() == before
    changed = put(api, "deploy/nightly", headers={"a": "b"}, timezone="Europe/Berlin", enabled=False, max_retries=0)
    assert changed.status_code == 200
    assert changed.json() | {"id": 0} == job | {
        "id": 0, "headers": {"a": "b"}, "timezone": "Europe/Berlin", "enabled": False, "max_retries": 0, "next_run_at": None}
    assert changed.json()["id"] == job["id"] and version()[0] > before[0]
    assert len(api.get("/jobs").json()) == 1


def test_absent_fields_get_their_defaults(api):
    first = put(api, "x", headers={"a": "b"}, payload={"c": 1}, timezone="Asia/Tokyo", jitter_seconds=60, auto_pause=False,
                catch_up="none", enabled=False)
    assert first.status_code == 201 and first.json()["enabled"] is False
    second = put(api, "x").json()
    assert second["enabled"] is True and second["headers"] is second["payload"] is None
    assert (second["timezone"], second["jitter_seconds"], second["auto_pause"], second["catch_up"]) == ("UTC", 0, True, "latest")


def test_schedules_replace_each_other(api):
    assert put(api, "x").status_code == 201
    once = put(api, "x", cron_expression=None, run_at="2126-05-09T14:00:00Z").json()
    assert (once["cron_expression"], once["run_at"]) == (None, "2126-05-09T14:00:00+00:00")
    assert put(api, "x").json()["run_at"] is None


def test_a_job_that_has_had_its_run_may_be_declared_again(receiver, api):
    path = f"/once/{time.time_ns()}"
    once = {"cron_expression": None, "webhook_url": receiver.url(path),
            "run_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(wait.next_minute(3)))}
    job = put(api, "once", **once).json()
    api.wait_executions(job["id"])
    wait.until(lambda: api.get(f"/jobs/{job['id']}").json()["paused_reason"], 20, "the job to be finished")
    again = put(api, "once", **once)
    assert again.status_code == 200, again.text
    assert (again.json()["id"], again.json()["enabled"], again.json()["paused_reason"]) == (job["id"], False, "finished")
    shapes.check_error(put(api, "once", **once | {"run_at": "2020-01-01T00:00:00Z"}), 400, "run_at: must be in the future")
    shapes.check_error(put(api, "other", **once), 400, "run_at: must be in the future")
    assert len(receiver.requests(path)) == 1


@pytest.mark.parametrize("name", ["a", "x" * 200, "a/b?c=d#e", "%41", "../jobs", "~!$&'()*+,;=:@", "run", "1"])
def test_ids_that_a_path_must_escape(api, name):
    job = put(api, name)
    assert job.status_code == 201 and job.json()["external_id"] == name
    assert put(api, name, external_id=name).status_code == 200
    assert [each["id"] for each in api.get("/jobs", params={"external_id": name}).json()] == [job.json()["id"]]


@pytest.mark.parametrize("path, status, words", [
    ("/jobs/external/" + "x" * 201, 400, "external_id"), ("/jobs/external/a%20b", 400, "external_id"),
    ("/jobs/external/%C3%A9", 400, "external_id"),
    ("/jobs/external/a%00", 400, "escape"), ("/jobs/external/", 404, "Not Found"), ("/jobs/external/a/b", 404, "Not Found")])
def test_other_paths(api, path, status, words):
    shapes.check_error(api.put(path, json=BODY), status, words)
    assert api.get("/jobs").json() == []


@pytest.mark.parametrize("fields, words", [
    ({"external_id": "other"}, "external_id"), ({"external_id": None}, "external_id"), ({"name": ...}, "name: required"),
    ({"cron_expression": ...}, "cron_expression"), ({"enabled": None}, "enabled"), ({"id": 7}, "Unknown field: id")], ids=str)
def test_bodies_that_are_refused(api, fields, words):
    body = {name: value for name, value in (BODY | fields).items() if value is not ...}
    shapes.check_error(api.put("/jobs/external/x", json=body), 400, words)
    assert api.get("/jobs").json() == []


def test_broken_escapes(stack, api):
    for path in ("/jobs/external/a%zz", "/jobs/external/a%4"):
        with raw_http.Connection(stack.port()) as connection:
            status, _, body = connection.send(raw_http.request("PUT", path, f"Authorization: Bearer {api.key}")).answer()
            assert status == 400 and b"escape" in body


def test_methods(api):
    options = api.options("/jobs/external/x")
    assert (options.status_code, options.headers["allow"]) == (204, "PUT, OPTIONS")
    for method in ("GET", "POST", "PATCH", "DELETE", "HEAD"):
        answer = api.request(method, "/jobs/external/x")
        assert (answer.status_code, answer.headers["allow"]) == (405, "PUT, OPTIONS"), method


def test_unique_in_the_account_alone(stack, api):
    job = api.create_job(external_id="x")
    shapes.check_error(api.post("/jobs", json=BODY | {"external_id": "x"}), 409, "external_id")
    other = api.create_job(external_id="y")
    shapes.check_error(api.patch(f"/jobs/{other['id']}", json={"external_id": "x"}), 409, "external_id")
    assert api.patch(f"/jobs/{job['id']}", json={"external_id": "x"}).status_code == 200
    stranger = stack.account()
    assert put(stranger, "x").status_code == 201
    stranger.close()
    assert api.delete(f"/jobs/{job['id']}").status_code == 204
    assert put(api, "x").status_code == 201


def test_limits_of_the_plan_count(api):
    for number in range(5):
        assert put(api, f"job-{number}").status_code == 201
    shapes.check_error(put(api, "job-5"), 403, "5 active jobs")
    assert put(api, "job-5", enabled=False).status_code == 201
    shapes.check_error(put(api, "job-5"), 403, "5 active jobs")
    assert put(api, "job-4", max_retries=1).status_code == 200
    shapes.check_error(put(api, "job-4", cron_expression="* * * * *"), 400, "15 minutes")


def test_idempotency(api):
    def keyed(**fields):
        return api.put("/jobs/external/x", json=BODY | fields, headers={"Idempotency-Key": "one"})
    first = keyed()
    again = keyed()
    assert (first.status_code, first.text) == (again.status_code, again.text) and first.status_code == 201
    shapes.check_error(keyed(name="other"), 409, "Idempotency-Key")
