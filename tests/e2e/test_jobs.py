"""Jobs: every field at, below and above its limit, ownership, plans, changes."""

import json
import time

import pytest

import shapes

URL = "https://example.com/hook"
GOOD = {"name": "job", "cron_expression": "0 * * * *", "webhook_url": URL}


def url_of(length: int) -> str:
    base = "https://example.com/"
    return base + "x" * (length - len(base))


def payload_of(size: int) -> str:
    return '{"x":"' + "y" * (size - len('{"x":""}')) + '"}'


ACCEPTED = {
    "name of 1": {"name": "x"},
    "name of 100": {"name": "x" * 100},
    "name of 100 wide characters": {"name": "\U0001f4a5" * 100},
    "name with quotes": {"name": "\"quoted\" \\ <b> / \u2028"},
    "url of 2048": {"webhook_url": url_of(2048)},
    "url with port and query": {"webhook_url": "http://example.com:8443/a/b?c=d&e=%20f#g"},
    "failure url of 2048": {"failure_webhook_url": url_of(2048)},
    "failure url null": {"failure_webhook_url": None},
    "no headers": {"headers": {}},
    "headers null": {"headers": None},
    "20 headers": {"headers": {f"X-Header-{i}": str(i) for i in range(20)}},
    "header key of 100": {"headers": {"X" * 100: "value"}},
    "header value of 500": {"headers": {"X-Long": "v" * 500}},
    "header value empty": {"headers": {"X-Empty": ""}},
    "payload empty": {"payload": {}},
    "payload null": {"payload": None},
    "payload nested": {"payload": {"a": [1, 2, {"b": None}], "c": 1.5, "ä": "ö"}},
    "names in the schedule": {"cron_expression": "0 9 * JAN-MAR mon,Fri"},
    "steps": {"cron_expression": "*/15 */2 1-31/2 * *"},
    "sunday as 7": {"cron_expression": "0 0 * * 7"},
    "leap day": {"cron_expression": "0 0 29 2 *"},
}

REFUSED = {  # the change, and what the sentence must name
    "name missing": ({"name": ...}, "name"),
    "name null": ({"name": None}, "name"),
    "name empty": ({"name": ""}, "name"),
    "name of 101": ({"name": "x" * 101}, "name", "100"),
    "name number": ({"name": 7}, "name"),
    "name list": ({"name": ["x"]}, "name"),
    "schedule missing": ({"cron_expression": ...}, "cron_expression"),
    "schedule null": ({"cron_expression": None}, "cron_expression"),
    "schedule empty": ({"cron_expression": ""}, "cron"),
    "schedule number": ({"cron_expression": 5}, "cron_expression"),
    "schedule of four fields": ({"cron_expression": "0 * * *"}, "cron expression"),
    "schedule of six fields": ({"cron_expression": "0 * * * * *"}, "cron expression"),
    "minute 60": ({"cron_expression": "60 * * * *"}, "Invalid cron expression", "minute", "60"),
    "hour 24": ({"cron_expression": "0 24 * * *"}, "Invalid cron expression", "hour", "24"),
    "day 0": ({"cron_expression": "0 0 0 * *"}, "Invalid cron expression", "day"),
    "month 13": ({"cron_expression": "0 0 1 13 *"}, "Invalid cron expression", "month"),
    "weekday 8": ({"cron_expression": "0 0 * * 8"}, "Invalid cron expression", "weekday", "8"),
    "30 February": ({"cron_expression": "0 0 30 2 *"}, "Invalid cron expression"),
    "schedule too long": ({"cron_expression": "0," * 200 + "0 * * * *"}, "cron"),
    "url missing": ({"webhook_url": ...}, "webhook_url"),
    "url null": ({"webhook_url": None}, "webhook_url"),
    "url empty": ({"webhook_url": ""}, "webhook_url"),
    "url number": ({"webhook_url": 1}, "webhook_url"),
    "url of 2049": ({"webhook_url": url_of(2049)}, "webhook_url", "2048"),
    "url of another scheme": ({"webhook_url": "ftp://example.com/"}, "webhook_url"),
    "url without a scheme": ({"webhook_url": "example.com/hook"}, "webhook_url"),
    "url without a host": ({"webhook_url": "https:///hook"}, "webhook_url"),
    "url with a user": ({"webhook_url": "https://user:pw@example.com/"}, "webhook_url"),
    "url with a space": ({"webhook_url": "https://example.com/a b"}, "webhook_url"),
    "url with a line feed": ({"webhook_url": "https://example.com/a\nb"}, "webhook_url"),
    "url with port 0": ({"webhook_url": "http://example.com:0/"}, "webhook_url"),
    "url with port 65536": ({"webhook_url": "http://example.com:65536/"}, "webhook_url"),
    "private address": ({"webhook_url": "http://10.0.0.1/"}, "webhook_url"),
    "metadata address": ({"webhook_url": "http://169.254.169.254/latest/"}, "webhook_url"),
    "decimal address": ({"webhook_url": "http://167772161/"}, "webhook_url"),
    "hex address": ({"webhook_url": "http://0x0a000001/"}, "webhook_url"),
    "octal address": ({"webhook_url": "http://012.0.0.1/"}, "webhook_url"),
    "short address": ({"webhook_url": "http://10.1/"}, "webhook_url"),
    "v4 in v6": ({"webhook_url": "http://[::ffff:10.0.0.1]/"}, "webhook_url"),
    "unique local v6": ({"webhook_url": "http://[fd00::1]/"}, "webhook_url"),
    "failure url private": ({"failure_webhook_url": "http://192.168.1.1/"}, "failure_webhook_url"),
    "failure url of 2049": ({"failure_webhook_url": url_of(2049)}, "failure_webhook_url", "2048"),
    "failure url number": ({"failure_webhook_url": 1}, "failure_webhook_url"),
    "headers list": ({"headers": ["X-A: b"]}, "headers"),
    "headers string": ({"headers": "X-A: b"}, "headers"),
    "21 headers": ({"headers": {f"X-{i}": "v" for i in range(21)}}, "headers", "20"),
    "header key of 101": ({"headers": {"X" * 101: "v"}}, "headers", "100"),
    "header key empty": ({"headers": {"": "v"}}, "headers"),
    "header key with a space": ({"headers": {"X A": "v"}}, "headers"),
    "header key with a colon": ({"headers": {"X:A": "v"}}, "headers"),
    "header value of 501": ({"headers": {"X-A": "v" * 501}}, "headers", "500"),
    "header value number": ({"headers": {"X-A": 1}}, "headers"),
    "header value null": ({"headers": {"X-A": None}}, "headers"),
    "header value with CR LF": ({"headers": {"X-A": "b\r\nX-Evil: 1"}}, "headers"),
    "payload list": ({"payload": [1]}, "payload"),
    "payload string": ({"payload": "text"}, "payload"),
    "payload number": ({"payload": 1}, "payload"),
    "enabled": ({"enabled": 1}, "enabled"),  # creation does not know it, and an update wants a boolean
    "unknown field": ({"webhok_url": URL}, "webhok_url"),
}

BROKEN_BODIES = {
    "nothing": b"", "no JSON": b"name=job", "cut off": b'{"name":"x"', "a list": b"[]", "a string": b'"x"',
    "null": b"null", "bytes behind": b"{} {}", "invalid UTF-8": b'{"name":"\xff"}',
    "a NUL": b'{"name":"a\x00b"}', "an escaped NUL": b'{"name":"a\\u0000b"}',
    "a lone surrogate": b'{"name":"\\ud800"}', "a control character": b'{"name":"a\nb"}',
    "single quotes": b"{'name':'x'}", "deep nesting": b'{"payload":' + b'{"a":' * 500 + b"1" + b"}" * 501,
    "a field twice": json.dumps(GOOD).encode()[:-1] + b', "name": "again"}',
}


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(api, change):
    answer = api.post("/jobs", json=GOOD | change)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    shapes.check_job(job)
    assert {name: job[name] for name in GOOD | change} == GOOD | change
    assert api.get("/jobs").json() == [job]


@pytest.mark.parametrize("change, words", [(c, w) for c, *w in REFUSED.values()], ids=REFUSED.keys())
def test_refused_with_the_reason(api, change, words):
    body = {name: value for name, value in (GOOD | change).items() if value is not ...}
    shapes.check_error(api.post("/jobs", json=body), 400, *words)
    assert api.get("/jobs").json() == []


def test_refused_by_update_alike(api):
    job = api.create_job()
    for change, *words in REFUSED.values():
        body = {name: value for name, value in change.items() if value is not ...}
        if body:
            shapes.check_error(api.patch(f"/jobs/{job['id']}", json=body), 400, *words)
    assert api.get("/jobs").json() == [job]


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES.keys())
def test_broken_bodies(api, body):
    answer = api.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    shapes.check_error(answer, 400)
    assert api.get("/jobs").json() == []


@pytest.mark.parametrize("size, status", [(10240, 201), (10241, 400)])
def test_payload_size(api, size, status):
    body = json.dumps(GOOD)[:-1] + ', "payload": ' + payload_of(size) + "}"
    answer = api.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    if status == 400:
        shapes.check_error(answer, 400, "payload", "10")


def test_loopback_in_other_spellings_is_judged_as_itself(api):
    """Allowed in tests, so what is accepted shows that the spelling was understood."""
    for url in ("http://127.0.0.1/", "http://2130706433/", "http://127.1/", "http://[::1]/"):
        assert api.patch(f"/jobs/{api.create_job()['id']}", json={"webhook_url": url}).status_code == 200


def test_next_run(api):
    job = api.create_job(cron_expression="30 4 * * *")
    next_run = shapes.parse_time(job["next_run_at"])
    assert next_run % 86400 == 4.5 * 3600
    assert 0 < next_run - time.time() <= 86400


def test_list_is_newest_first(business):
    ids = [business.create_job(name=str(i))["id"] for i in range(12)]
    assert [job["id"] for job in business.get("/jobs").json()] == ids[::-1]


def test_jobs_of_others_do_not_exist(stack, api):
    job = api.create_job()
    stranger = stack.account()
    assert stranger.get("/jobs").json() == []
    for job_id in (job["id"], 10 ** 15):
        shapes.check_error(stranger.patch(f"/jobs/{job_id}", json={"name": "mine"}), 404)
        shapes.check_error(stranger.delete(f"/jobs/{job_id}"), 404)
        shapes.check_error(stranger.get(f"/jobs/{job_id}/executions"), 404)
    assert api.get("/jobs").json() == [job]


def test_free_plan(api):
    for expression in ("* * * * *", "*/14 * * * *", "0,5 * * * *", "*/10 * * * *", "0,50 * * * *"):
        shapes.check_error(api.post("/jobs", json=GOOD | {"cron_expression": expression}), 400, "15 minutes")
    jobs = [api.create_job(cron_expression="*/15 * * * *") for _ in range(5)]
    shapes.check_error(api.post("/jobs", json=GOOD), 403, "5")
    for job in list(jobs):
        assert api.patch(f"/jobs/{job['id']}", json={"enabled": False}).status_code == 200
        jobs.append(api.create_job())
    shapes.check_error(api.post("/jobs", json=GOOD), 403, "10")
    shapes.check_error(api.patch(f"/jobs/{jobs[0]['id']}", json={"enabled": True}), 403, "5")
    assert api.patch(f"/jobs/{jobs[9]['id']}", json={"enabled": False}).status_code == 200
    assert api.patch(f"/jobs/{jobs[0]['id']}", json={"enabled": True}).status_code == 200
    assert api.delete(f"/jobs/{jobs[0]['id']}").status_code == 204
    assert api.post("/jobs", json=GOOD).status_code == 201


def test_pro_plan_runs_every_minute(stack, api):
    job = api.create_job()
    stack.set_plan(api.address, "pro")
    changed = api.patch(f"/jobs/{job['id']}", json={"cron_expression": "* * * * *"})
    assert changed.status_code == 200, changed.text
    assert 0 < shapes.parse_time(changed.json()["next_run_at"]) - time.time() <= 60
    assert all(api.create_job(name=str(i))["id"] for i in range(49))
    shapes.check_error(api.post("/jobs", json=GOOD), 403, "50")


def test_update_changes_what_is_sent_and_nothing_else(api):
    job = api.create_job(headers={"X-A": "1"}, payload={"a": 1}, failure_webhook_url=URL)
    path = f"/jobs/{job['id']}"
    expected = dict(job)
    for change in ({"name": "renamed"}, {"webhook_url": URL + "/2"}, {"headers": {"X-B": "2"}}, {"headers": {}},
                   {"headers": None}, {"payload": {"b": [2]}}, {"payload": None}, {"enabled": False},
                   {"enabled": True}, {"failure_webhook_url": URL + "/3"}, {"name": "two", "payload": {}}):
        answer = api.patch(path, json=change)
        assert answer.status_code == 200, answer.text
        expected |= change
        expected["next_run_at"] = job["next_run_at"] if expected["enabled"] else None
        shapes.check_job(answer.json())
        if time.time() < shapes.parse_time(job["next_run_at"]) - 1:  # otherwise the hour is changing
            assert answer.json() == expected
        assert api.get("/jobs").json() == [answer.json()]
    assert api.patch(path, json={"failure_webhook_url": ""}).json()["failure_webhook_url"] is None
    shapes.check_error(api.patch(path, json={}), 400)


def test_a_new_schedule_counts_at_once(api):
    job = api.create_job(cron_expression="0 0 1 1 *")
    changed = api.patch(f"/jobs/{job['id']}", json={"cron_expression": "*/15 * * * *"}).json()
    assert 0 < shapes.parse_time(changed["next_run_at"]) - time.time() <= 900


def test_delete_is_final(api):
    job = api.create_job()
    path = f"/jobs/{job['id']}"
    assert api.delete(path).status_code == 204
    shapes.check_error(api.delete(path), 404)
    shapes.check_error(api.patch(path, json={"name": "x"}), 404)
    shapes.check_error(api.get(f"{path}/executions"), 404)


@pytest.mark.parametrize("body, words", [
    ({"failure_email_enabled": 1}, ["failure_email_enabled"]), ({"failure_email_enabled": None}, ["failure_email"]),
    ({"failure_email_enabled": "no"}, ["failure_email_enabled"]), ({"plan": "business"}, ["plan"]), ([], [])])
def test_account_settings_are_checked(api, body, words):
    shapes.check_error(api.patch("/account", json=body), 400, *words)
    assert api.get("/account").json()["plan"] == "free"


def test_payload_keeps_its_bytes(api):
    payload = '{"b": 1.0,  "a":1e400, "n":123456789012345678901234567890, "e":"\\u00e4\\/\\"", "d":{"x":1,"x":2}}'
    body = json.dumps(GOOD)[:-1] + f', "payload": {payload}}}'
    answer = api.post("/jobs", content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text
    assert f'"payload":{payload},' in answer.text
    assert f'"payload":{payload},' in api.get("/jobs").text
