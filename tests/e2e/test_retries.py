"""
Attempts after the first one. All runs of this file are started at once, by hand, and the tests look at
what became of each: the delays are real.
"""

import secrets

import pytest

import shapes
import wait
from receiver import Answer

pytestmark = pytest.mark.xdist_group("retries")

FIRST_S = 30
JITTER = 0.2
LATE_S = 4  # other tests take their share of the machine
YEARLY = "0 0 1 1 *"
NOTICE = b'{"error": "try again"}'


class Runs:
    def __init__(self, stack, receiver):
        self.receiver = receiver
        self.api = stack.account("business")
        self.prefix = "/" + secrets.token_hex(4)
        self.jobs, self.started = {}, {}

    def path(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def start(self, name: str, *answers: Answer, **fields) -> None:
        url = self.receiver.script(self.path(name), *answers)
        self.jobs[name] = self.api.create_job(name=name, **{"cron_expression": YEARLY, "webhook_url": url} | fields)
        answer = self.api.post(f"/jobs/{self.jobs[name]['id']}/run")
        assert answer.status_code == 202, answer.text
        self.started[name] = answer.json()

    def requests(self, name: str, count: int = 1, timeout_s: float = 60) -> list:
        """Of the run; a job of every minute makes others, too."""
        def found():
            own = [request for request in self.receiver.requests(self.path(name))
                   if request.webhook_id == self.started[name]["id"]]
            return own if len(own) >= count else None
        return wait.until(found, timeout_s, f"{count} attempts of {name}")

    def execution(self, name: str) -> dict:
        answer = self.api.get(f"/jobs/{self.jobs[name]['id']}/executions/{self.started[name]['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finished(self, name: str, timeout_s: float = 60) -> dict:
        wait.until(lambda: self.execution(name)["status"] != "pending", timeout_s, f"{name} is finished", 0.2)
        return self.execution(name)


@pytest.fixture(scope="module")
def runs(stack, receiver):
    wait.clear_of_minute(20)  # the retry of a job of every minute stays before its next slot, or does not
    made = Runs(stack, receiver)
    made.start("again", Answer(503, body=NOTICE), Answer(200))
    made.start("asked", Answer(429, headers=("Retry-After: 45",)), Answer(200))
    made.start("sooner", Answer(503, headers=("Retry-After: 2",)), Answer(200))
    made.start("closed", Answer(close=True), Answer(200))
    made.start("gone", Answer(410))
    made.start("missing", Answer(404))
    made.start("none", Answer(503), max_retries=0)
    made.start("once", Answer(503, body=b"one"), Answer(502, body=b"two"), max_retries=1)
    made.start("next-slot", Answer(503, headers=("Retry-After: 600",)), cron_expression="* * * * *")
    yield made
    for job in made.jobs.values():
        made.api.delete(f"/jobs/{job['id']}")
    made.api.close()


def gap(runs, name: str) -> float:
    first, second = runs.requests(name, 2)[:2]
    return second.arrived - first.arrived


def check_delay(delay_s: float, expected_s: float) -> None:
    assert expected_s * (1 - JITTER) - 0.5 <= delay_s <= expected_s * (1 + JITTER) + LATE_S


def test_while_it_waits(runs):
    runs.requests("asked")
    wait.until(lambda: runs.execution("asked")["next_attempt_at"], 5, "the next attempt's time")
    row = runs.execution("asked")
    assert (row["status"], row["attempts"], row["completed_at"]) == ("pending", 1, None)
    assert 35 <= shapes.parse_time(row["next_attempt_at"]) - runs.requests("asked")[0].arrived <= 50


def test_the_second_attempt(runs):
    check_delay(gap(runs, "again"), FIRST_S)
    first, second = runs.requests("again", 2)
    assert first.webhook_id == second.webhook_id == runs.started["again"]["id"]
    assert [request.header("x-croncoco-attempt") for request in (first, second)] == ["1", "2"]
    scheduled = {request.header("x-croncoco-scheduled-at") for request in (first, second)}
    assert scheduled == {runs.started["again"]["scheduled_at"]}
    assert first.header("webhook-timestamp") != second.header("webhook-timestamp")


def test_what_an_execution_tells_of_its_attempts(runs):
    row = runs.finished("again")
    assert (row["status"], row["response_code"], row["error"]) == ("success", 200, None)
    assert (row["attempts"], row["next_attempt_at"]) == (2, None)
    first, second = row["attempt_log"]
    assert [first["attempt"], second["attempt"]] == [1, 2]
    assert (first["response_code"], first["error"], first["response"]) == (503, "HTTP 503", NOTICE.decode())
    assert (second["response_code"], second["error"], second["response"]) == (200, None, "ok")
    for attempt in (first, second):
        assert 0 <= attempt["duration_ms"] < 5000 and attempt["tls_ms"] is None
        assert 0 <= attempt["first_byte_ms"] <= attempt["duration_ms"] + 1
    started = [shapes.parse_time(attempt["started_at"]) for attempt in (first, second)]
    check_delay(started[1] - started[0], FIRST_S)


def test_a_connection_that_broke_is_tried_again(runs):
    check_delay(gap(runs, "closed"), FIRST_S)
    row = runs.finished("closed")
    assert (row["status"], row["attempts"]) == ("success", 2)
    assert row["attempt_log"][0]["response_code"] is None and "closed" in row["attempt_log"][0]["error"]


def test_retry_after_is_honoured(runs):
    assert 44.5 <= gap(runs, "asked") <= 45 + 1 + LATE_S
    assert runs.finished("asked")["status"] == "success"


def test_retry_after_does_not_hurry_us(runs):
    check_delay(gap(runs, "sooner"), FIRST_S)


def test_as_many_as_allowed(runs):
    row = runs.finished("once")
    assert (row["status"], row["response_code"], row["attempts"]) == ("failure", 502, 2)
    assert [attempt["response"] for attempt in row["attempt_log"]] == ["one", "two"]
    assert len(runs.requests("once")) == 2
    row = runs.finished("none", 10)
    assert (row["status"], row["response_code"], row["attempts"]) == ("failure", 503, 1)


def test_not_past_the_next_slot(runs):
    row = runs.finished("next-slot", 10)
    assert (row["status"], row["response_code"], row["attempts"]) == ("failure", 503, 1)


def test_what_will_not_pass_is_final(runs):
    row = runs.finished("missing", 10)
    assert (row["status"], row["response_code"], row["attempts"]) == ("failure", 404, 1)
    assert len(runs.requests("missing")) == 1


def test_gone_pauses_the_job(runs):
    row = runs.finished("gone", 10)
    assert (row["status"], row["response_code"], row["attempts"]) == ("failure", 410, 1)
    job = wait.until(lambda: next((job for job in [runs.api.get(f"/jobs/{runs.jobs['gone']['id']}").json()]
                                   if not job["enabled"]), None), 10, "the job is paused")
    assert (job["enabled"], job["paused_reason"], job["next_run_at"]) == (False, "gone", None)


def test_nothing_comes_after_a_success(runs):
    """The second delay would be two minutes: what was answered is over."""
    for name in ("again", "closed", "sooner"):
        assert runs.finished(name)["status"] == "success"
        assert len(runs.requests(name)) == 2
