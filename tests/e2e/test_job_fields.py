"""What a job may say beside its schedule and its target: each field at, below and above its limits."""

import datetime
import json

import pytest

import shapes

URL = "http://127.0.0.1:9/never"
GOOD = {"name": "job", "cron_expression": "0 * * * *", "webhook_url": URL}
LATER = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, second=0) + datetime.timedelta(days=1)
NO_CRON = {"cron_expression": None}


def text(time: datetime.datetime) -> str:
    return time.isoformat()


def later(**delta) -> str:
    return text(LATER + datetime.timedelta(**delta))


GOOD_VALUES = [
    ("timezone", "Europe/Berlin"), ("timezone", "America/Argentina/Buenos_Aires"), ("timezone", "UTC"),
    ("start_at", later()), ("end_at", later(seconds=1)),
    ("catch_up", "latest"), ("catch_up", "all"), ("catch_up", "none"),
    ("catch_up_window_seconds", 0), ("catch_up_window_seconds", 2678400), ("catch_up_window_seconds", None),
    ("allow_overlap", False), ("allow_overlap", True),
    ("jitter_seconds", 0), ("jitter_seconds", 3599), ("max_retries", 0), ("max_retries", 5),
    ("auto_pause", False), ("auto_pause", True),
    ("external_id", "x"), ("external_id", "!~/?%#" + "x" * 194), ("external_id", None),
]
BAD_VALUES = [
    ("timezone", "Mars/Olympus", "timezone"), ("timezone", "", "timezone"), ("timezone", "../../etc/passwd", "timezone"),
    ("timezone", "x" * 65, "timezone"), ("timezone", 1, "timezone: must be a string"),
    ("start_at", "soon", "start_at"), ("start_at", 1778335200, "start_at"), ("start_at", "2026-05-09", "start_at"),
    ("start_at", "2026-05-09T14:00:00", "start_at"), ("end_at", "2026-02-30T14:00:00Z", "end_at"),
    ("end_at", "1969-12-31T23:59:59Z", "end_at"), ("end_at", "2126-05-09T14:00:00.5Z", "end_at: must be a whole second"),
    ("catch_up", "some", "catch_up"), ("catch_up", None, "catch_up"), ("catch_up", True, "catch_up"),
    ("catch_up_window_seconds", -1, "0 to 2678400"), ("catch_up_window_seconds", 2678401, "0 to 2678400"),
    ("catch_up_window_seconds", "60", "catch_up_window_seconds"),
    ("allow_overlap", 1, "allow_overlap"), ("allow_overlap", None, "allow_overlap"),
    ("jitter_seconds", -1, "0 to 3600"), ("jitter_seconds", 3601, "0 to 3600"), ("jitter_seconds", 0.5, "jitter_seconds"),
    ("jitter_seconds", 2 ** 53 + 1, "0 to 3600"), ("jitter_seconds", 2 ** 64, "0 to 3600"), ("jitter_seconds", None, "jitter_seconds"),
    ("jitter_seconds", 3600, "shortest time between two runs (3600 seconds)"),
    ("max_retries", -1, "0 to 5"), ("max_retries", 6, "0 to 5"), ("max_retries", "3", "max_retries"),
    ("auto_pause", "false", "auto_pause"), ("auto_pause", None, "auto_pause"),
    ("external_id", "", "external_id"), ("external_id", "x" * 201, "external_id"), ("external_id", "a b", "external_id"),
    ("external_id", "caf\u00e9", "external_id"), ("external_id", "a\tb", "external_id"), ("external_id", 7, "external_id"),
    ("enabled", True, "Unknown field: enabled"), ("paused_reason", None, "Unknown field: paused_reason"),
    ("headers", {"X-CronCoco-Attempt": "9"}, "X-CronCoco-Attempt"), ("headers", {"Webhook-Signature": "x"}, "Webhook-Signature"),
]


def ids(values):
    return [f"{value[0]} {str(value[1])[:30]}" for value in values]


@pytest.mark.parametrize("field, value", GOOD_VALUES, ids=ids(GOOD_VALUES))
def test_good_values_are_kept(api, field, value):
    made = api.post("/jobs", json=GOOD | {field: value})
    assert made.status_code == 201, made.text
    shapes.check_job(made.json())
    assert made.json()[field] == value
    assert api.get(f"/jobs/{made.json()['id']}").json() == made.json()
    other = api.create_job(external_id="other")
    changed = api.patch(f"/jobs/{other['id']}", json={field: value} if field != "external_id" else {field: f"{value}"[:199] + "2"})
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("field, value, words", BAD_VALUES, ids=ids(BAD_VALUES))
def test_bad_values_are_named(api, field, value, words):
    shapes.check_error(api.post("/jobs", json=GOOD | {field: value}), 400, words)
    assert api.get("/jobs").json() == []
    if field != "enabled":
        job = api.create_job()
        change = {field: value} | ({"cron_expression": GOOD["cron_expression"]} if field == "jitter_seconds" else {})
        shapes.check_error(api.patch(f"/jobs/{job['id']}", json=change), 400, words)
        assert api.get(f"/jobs/{job['id']}").json() == job


def test_defaults(api):
    job = api.create_job()
    shapes.check_job(job)
    assert {name: job[name] for name in shapes.JOB[11:]} == {
        "timezone": "UTC", "run_at": None, "start_at": None, "end_at": None, "catch_up": "latest",
        "catch_up_window_seconds": None, "allow_overlap": True, "jitter_seconds": 0, "max_retries": 3,
        "auto_pause": True, "external_id": None, "paused_reason": None,
        "check": None}


def test_null_clears(api):
    values = {"timezone": "Asia/Tokyo", "start_at": later(), "end_at": later(days=1), "catch_up_window_seconds": 60,
              "external_id": "x", "headers": {"a": "b"}, "payload": {"c": 1}, "failure_webhook_url": URL}
    job = api.create_job(**values)
    assert {name: job[name] for name in values} == values
    cleared = api.patch(f"/jobs/{job['id']}", json=dict.fromkeys(values)).json()
    assert {name: cleared[name] for name in values} == dict.fromkeys(values) | {"timezone": "UTC"}


@pytest.mark.parametrize("body", [
    '{"name":"a","name":"b","cron_expression":"0 * * * *","webhook_url":"http://127.0.0.1:9/"}',
    '{"name":"a","timezone":"UTC","timezone":"UTC","cron_expression":"0 * * * *","webhook_url":"http://127.0.0.1:9/"}'])
def test_a_field_given_twice(api, body):
    shapes.check_error(api.post("/jobs", content=body, headers={"Content-Type": "application/json"}), 400)


def test_numbers_of_a_payload_stay_as_they_came(api):
    payload = '{"big":9007199254740993,"bigger":18446744073709551617,"exact":1.10}'
    body = '{"name":"a","cron_expression":"0 * * * *","webhook_url":"http://127.0.0.1:9/","payload":%s}' % payload
    answer = api.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201 and payload in answer.text
    assert payload in api.get(f"/jobs/{answer.json()['id']}").text


# ---- schedules

def test_a_job_that_runs_once(api):
    job = api.create_job(**NO_CRON, run_at=later())
    shapes.check_job(job)
    assert job["cron_expression"] is None and job["run_at"] == job["next_run_at"] == later()


BAD_SCHEDULES = {
    "none": (NO_CRON, "cron_expression"),
    "both": ({"run_at": later()}, "only one of them"),
    "run_at in the past": (NO_CRON | {"run_at": "2020-01-01T00:00:00Z"}, "run_at: must be in the future"),
    "run_at with seconds": (NO_CRON | {"run_at": later(seconds=1)}, "run_at: must be a whole minute"),
    "run_at without zone": (NO_CRON | {"run_at": "2126-05-09T14:00:00"}, "run_at: must be a time"),
    "run_at before start_at": (NO_CRON | {"run_at": later(), "start_at": later(seconds=1)}, "run_at"),
    "run_at after end_at": (NO_CRON | {"run_at": later(), "end_at": later(seconds=-1)}, "run_at"),
    "start_at after end_at": ({"start_at": later(seconds=1), "end_at": later()}, "start_at: must not be after end_at"),
}


@pytest.mark.parametrize("fields, words", BAD_SCHEDULES.values(), ids=BAD_SCHEDULES.keys())
def test_bad_schedules(api, fields, words):
    shapes.check_error(api.post("/jobs", json=GOOD | fields), 400, words)


def test_one_schedule_replaces_the_other(api):
    job = api.create_job()
    once = api.patch(f"/jobs/{job['id']}", json={"run_at": later()}).json()
    assert once["cron_expression"] is None and once["run_at"] == once["next_run_at"] == later()
    again = api.patch(f"/jobs/{job['id']}", json={"cron_expression": "30 * * * *", "run_at": None}).json()
    assert (again["cron_expression"], again["run_at"]) == ("30 * * * *", None)
    for fields in (NO_CRON, {"run_at": None}):
        shapes.check_error(api.patch(f"/jobs/{job['id']}", json=fields), 400, "without the other")


def test_bounds_that_are_given_one_after_the_other(api):
    job = api.create_job(start_at=later(), cron_expression="*/15 * * * *")
    shapes.check_error(api.patch(f"/jobs/{job['id']}", json={"end_at": later(seconds=-1)}), 400, "start_at")
    shapes.check_error(api.patch(f"/jobs/{job['id']}", json={"jitter_seconds": 900}), 400, "jitter_seconds")
    assert api.patch(f"/jobs/{job['id']}", json={"end_at": later(days=1), "jitter_seconds": 899}).status_code == 200


def test_next_run_follows_zone_and_bounds(api):
    job = api.create_job(cron_expression="30 9 * * *", timezone="Asia/Kolkata")
    assert job["next_run_at"].endswith("T04:00:00+00:00")
    assert api.create_job(start_at=later(days=30))["next_run_at"] >= later(days=30)
    shapes.check_error(api.post("/jobs", json=GOOD | {"end_at": later(days=-2)}), 400, "end_at")


def test_what_is_stored_is_what_came(stack, api):
    job = api.create_job(timezone="Europe/Berlin", jitter_seconds=60, catch_up="all")
    assert stack.postgres.query(
        "SELECT timezone, jitter_seconds, catch_up, catch_up_window_seconds, max_retries FROM jobs WHERE id = %s", job["id"]
    ) == [("Europe/Berlin", 60, "all", None, 3)]
    assert json.loads(api.get("/jobs").text)[0] == job
