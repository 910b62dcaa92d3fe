"""
A job becomes a POST at second 0, and the POST a row. All jobs of this file are made before the same
minute begins; the tests look at what became of each.
"""

import json
import re
import secrets
import time

import pytest

import client
import shapes
import wait
from ports import free_port
from receiver import Answer

pytestmark = pytest.mark.xdist_group("delivery")

LATE_S = 2.0  # other tests take their share of the machine
PAYLOAD = ('{"b": 1.0,  "a":1e400, "big":123456789012345678901234567890, "e":"\\u00e4\\/\\" \U0001f4a5", '
           '"d":{"x":1,"x":2},\t"empty":{}}')
HEADERS = {"X-Secret": "my token; with=signs", "X-Empty": "", "Content-Type": "application/vnd.test+json",
           "User-Agent": "mine/1.0"}
STATUSES = [200, 201, 204, 302, 304, 400, 404, 410, 429, 500, 503]


class Fired:
    """Jobs that are due at one minute, under their names."""

    def __init__(self, stack, receiver):
        self.stack, self.receiver = stack, receiver
        self.api = stack.account("business")
        self.prefix = "/" + secrets.token_hex(4)
        self.jobs = {}
        self.minute = 0

    def path(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def make(self, name: str, *answers: Answer, **fields) -> None:
        """Without retries: those have a file of their own."""
        url = self.receiver.script(self.path(name), *answers)
        usual = {"cron_expression": "* * * * *", "webhook_url": url, "max_retries": 0}
        self.jobs[name] = self.api.create_job(name=name, **usual | fields)

    def requests(self, name: str) -> list:
        return self.receiver.requests(self.path(name))

    def first(self, name: str):
        return self.receiver.wait(self.path(name))[0]

    def execution(self, name: str, timeout_s: float = 75) -> dict:
        """Of the minute that all were made for."""
        row = self.api.wait_executions(self.jobs[name]["id"], 1, timeout_s)[-1]
        shapes.check_execution(row)
        return row


@pytest.fixture(scope="module")
def fired(stack, receiver):
    # Allowed at the API, and not to the dispatchers: what a name that changed its address looks like.
    for dispatcher in stack.of("dispatcher"):
        dispatcher.end()
        dispatcher.variables["WEBHOOK_ALLOW_CIDRS"] = "127.0.0.1/32"
        dispatcher.start().wait_ready()

    wait.clear_of_minute(12)
    made = Fired(stack, receiver)
    for status in STATUSES:
        made.make(f"status-{status}", Answer(status, headers=("Location: /elsewhere",)))
    made.make("plain")
    made.make("full", headers=HEADERS)
    body = {"name": "bytes", "cron_expression": "* * * * *", "webhook_url": receiver.url(made.path("bytes"))}
    answer = made.api.post("/jobs", content=(json.dumps(body)[:-1] + f', "payload": {PAYLOAD}}}').encode(),
                           headers={"Content-Type": "application/json"})
    made.jobs["bytes"] = answer.json()
    made.make("largest", payload={"x": "y" * (10240 - 9)})
    made.make("close", Answer(close=True))
    made.make("huge", Answer(body=b"x" * 5_000_000))
    made.make("endless", Answer(endless=True))
    made.make("slow", Answer(delay_s=1.5))
    made.make("slower", Answer(delay_s=20))
    made.make("query", webhook_url=receiver.url(made.path("query") + "?a=b%20c&d=e#fragment"))
    made.make("refused", webhook_url=f"http://127.0.0.1:{free_port()}/")
    made.make("blocked", webhook_url=f"http://127.0.0.2:{receiver.port}/")
    made.make("told-inside", Answer(500), failure_webhook_url=f"http://127.0.0.2:{receiver.port}{made.path('inside')}")
    made.make("unknown-host", webhook_url="http://no-such-name.example.com.invalid/")
    made.make("not-http", webhook_url=f"http://127.0.0.1:{stack.nats.port}/")
    made.make("disabled")
    made.api.patch(f"/jobs/{made.jobs['disabled']['id']}", json={"enabled": False})
    made.make("deleted")
    made.api.delete(f"/jobs/{made.jobs['deleted']['id']}")
    made.make("moved", webhook_url=receiver.url(made.path("old-place")))
    made.api.patch(f"/jobs/{made.jobs['moved']['id']}", json={"webhook_url": receiver.url(made.path("moved"))})
    made.make("hourly", cron_expression="30 23 29 2 *")

    # The plan decides about the time-out: 10 s on the free one, where jobs of every minute are not allowed.
    made.impatient = stack.account()
    made.receiver.script(made.path("hang"), Answer(hang=True))
    made.hang = made.impatient.create_job(cron_expression="30 23 29 2 *", webhook_url=receiver.url(made.path("hang")),
                                          max_retries=0)
    assert made.impatient.post(f"/jobs/{made.hang['id']}/run").status_code == 202

    made.minute = wait.next_minute()
    made.receiver.wait(made.path("plain"))
    yield made
    for job in made.api.get("/jobs").json():
        made.api.delete(f"/jobs/{job['id']}")
    made.impatient.delete(f"/jobs/{made.hang['id']}")


def test_at_second_0(fired):
    request = fired.first("plain")
    assert 0 <= request.arrived - fired.minute < LATE_S
    row = fired.execution("plain")
    assert shapes.parse_time(row["triggered_at"]) - fired.minute <= LATE_S
    assert (row["status"], row["response_code"], row["error"]) == ("success", 200, None)
    assert 0 <= row["duration_ms"] < 2000


def test_without_payload_and_headers(fired):
    request = fired.first("plain")
    assert (request.method, request.target, request.body) == ("POST", fired.path("plain"), b"")
    assert request.header("host") == f"127.0.0.1:{fired.receiver.port}"
    assert request.header("content-length") == "0"
    assert request.header("content-type") is None and request.header("expect") is None
    assert request.header("user-agent").startswith("CronCoco/")


def test_headers_of_the_job(fired):
    request = fired.first("full")
    for name, value in HEADERS.items():
        assert (name, value) in request.headers


def test_standard_webhook_headers(fired):
    for name in ("plain", "full"):
        request = fired.first(name)
        assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", request.webhook_id)
        assert abs(int(request.header("webhook-timestamp")) - request.arrived) < LATE_S + 1
    assert fired.first("plain").webhook_id != fired.first("full").webhook_id


def test_our_own_headers(fired):
    for name in ("plain", "full"):
        request = fired.first(name)
        scheduled = shapes.parse_time(request.header("x-croncoco-scheduled-at"))
        assert scheduled == fired.minute
        assert request.webhook_id == f"msg_{fired.jobs[name]['id']}_{fired.minute}"
        assert request.header("x-croncoco-attempt") == "1"
        assert request.header("webhook-signature") is None  # no secret was asked for


def test_payload_byte_for_byte(fired):
    request = fired.first("bytes")
    assert request.body == PAYLOAD.encode()
    assert request.header("content-type") == "application/json"
    assert int(request.header("content-length")) == len(PAYLOAD.encode())
    assert len(fired.first("largest").body) == 10240


def test_query_is_kept_and_fragment_is_not_sent(fired):
    assert fired.first("query").target == fired.path("query") + "?a=b%20c&d=e"


@pytest.mark.parametrize("status", STATUSES)
def test_statuses(fired, status):
    row = fired.execution(f"status-{status}")
    good = status < 400
    assert (row["status"], row["response_code"]) == ("success" if good else "failure", status)
    assert row["error"] == (None if good else f"HTTP {status}")


def test_redirects_are_not_followed(fired):
    fired.execution("status-302")
    assert fired.receiver.requests("/elsewhere") == []


@pytest.mark.parametrize("name, words", [
    ("close", "closed"), ("refused", "refused"), ("blocked", "not allowed"), ("unknown-host", "resolve"),
    ("not-http", "")])
def test_no_answer(fired, name, words):
    row = fired.execution(name)
    assert (row["status"], row["response_code"]) == ("failure", None)
    assert words in row["error"]


def test_a_blocked_address_is_never_connected_to(fired):
    fired.execution("blocked")
    assert all(request.header("host") != f"127.0.0.2:{fired.receiver.port}"
               for requests in fired.receiver.by_path.values() for request in requests)


def test_a_notice_of_a_failure_is_guarded_too(fired):
    assert fired.execution("told-inside")["status"] == "failure"
    job = fired.jobs["told-inside"]["id"]
    (notice,) = wait.until(lambda: fired.stack.postgres.query(
        "SELECT status::text, attempts, error FROM notices WHERE job_id = %s AND status <> 'pending'"
        " ORDER BY id LIMIT 1", job), 20, "the notice is done with")
    assert notice == ("failure", 1, "destination address is not allowed")
    assert fired.requests("inside") == []


def test_only_the_beginning_of_a_body_is_read(fired):
    for name in ("huge", "endless"):
        row = fired.execution(name)
        assert (row["status"], row["response_code"]) == ("success", 200)
        assert row["duration_ms"] < 5000
    assert fired.receiver.poured < 60_000_000


def test_duration(fired):
    assert 1500 <= fired.execution("slow")["duration_ms"] < 3500


def test_a_webhook_that_takes_longer_than_the_stream_waits_is_posted_once(fired):
    row = fired.execution("slower", 120)
    assert (row["status"], row["response_code"]) == ("success", 200)
    assert 20_000 <= row["duration_ms"] < 23_000
    ids = [request.webhook_id for request in fired.requests("slower")]
    assert len(ids) == len(set(ids))


def test_time_out(fired):
    row = fired.impatient.wait_executions(fired.hang["id"])[-1]
    shapes.check_execution(row)
    assert (row["status"], row["response_code"], row["error"]) == ("failure", None, "timed out after 10 s")
    assert 10_000 <= row["duration_ms"] < 12_000


def test_what_is_not_due_is_not_sent(fired):
    fired.execution("plain")
    assert fired.api.executions(fired.jobs["disabled"]["id"]) == fired.api.executions(fired.jobs["hourly"]["id"]) == []
    for name in ("disabled", "deleted", "hourly", "old-place"):
        assert fired.requests(name) == []
    assert len(fired.requests("moved")) >= 1


def test_each_slot_comes_once(fired):
    fired.execution("plain")
    for name in fired.jobs:
        ids = [request.webhook_id for request in fired.requests(name)]
        assert len(ids) == len(set(ids)), name


def test_the_job_tells_its_last_run(fired):
    fired.execution("plain")
    (job,) = [job for job in fired.api.get("/jobs").json() if job["name"] == "plain"]
    shapes.check_job(job)
    assert fired.minute <= shapes.parse_time(job["last_run_at"]) <= time.time()
    assert shapes.parse_time(job["next_run_at"]) > time.time() - 1
