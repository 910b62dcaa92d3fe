"""What failure_webhook_url gets: the documented payload, delivered like any delivery."""

import json
import re
import secrets
import time

import pytest

import node_packages
import shapes
from ports import free_port
from receiver import Answer

pytestmark = pytest.mark.xdist_group("failure-notices")

NAME = 'hourly "sync" caf\u00e9 \U0001f4a5'
FIELDS = ["job_id", "job_name", "status", "response_code", "error", "failed_at"]


class Notified:
    """Jobs that fail, started at once, and what is told of them."""

    def __init__(self, stack, receiver):
        self.receiver = receiver
        self.api = stack.account("business")
        answer = self.api.post("/webhook-secret")
        assert answer.status_code == 201, answer.text
        self.secret = answer.json()["secret"]
        self.prefix = "/" + secrets.token_hex(4)
        self.jobs = {}
        self.started = time.time()

    def path(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def start(self, name: str, answer: Answer, /, *of_notice: Answer, **fields) -> None:
        url = self.receiver.script(self.path(name), answer)
        notice_url = self.receiver.script(self.path(f"{name}-failed"), *of_notice)
        self.jobs[name] = self.api.create_job(**{"webhook_url": url, "failure_webhook_url": notice_url,
                                                 "max_retries": 0} | fields)
        answer = self.api.post(f"/jobs/{self.jobs[name]['id']}/run")
        assert answer.status_code == 202, answer.text

    def notices(self, name: str, count: int = 1, timeout_s: float = 20) -> list:
        return self.receiver.wait(self.path(f"{name}-failed"), count, timeout_s)

    def none(self, name: str) -> bool:
        return self.receiver.requests(self.path(f"{name}-failed")) == []


@pytest.fixture(scope="module")
def notified(stack, receiver):
    made = Notified(stack, receiver)
    made.start("status", Answer(503), name=NAME, headers={"X-Secret": "of the job"})
    made.start("refused", Answer(), webhook_url=f"http://127.0.0.1:{free_port()}/")
    made.start("unheard", Answer(500), Answer(503), Answer(close=True), Answer(200))
    made.start("success", Answer(200))
    yield made
    for job in made.jobs.values():
        made.api.delete(f"/jobs/{job['id']}")
    made.api.close()


def test_payload(notified):
    (request,) = notified.notices("status")
    assert request.method == "POST"
    body = json.loads(request.body)
    assert list(body) == FIELDS
    assert body["job_id"] == notified.jobs["status"]["id"] and type(body["job_id"]) is int
    assert body["job_name"] == NAME
    assert (body["status"], body["response_code"], body["error"]) == ("failure", 503, "HTTP 503")
    assert notified.started - 1 <= shapes.parse_time(body["failed_at"]) <= request.arrived


def test_payload_without_an_answer(notified):
    (request,) = notified.notices("refused")
    body = json.loads(request.body)
    assert list(body) == FIELDS
    assert (body["status"], body["response_code"], body["error"]) == ("failure", None, "connection refused")


def test_delivered_like_any_delivery(notified):
    (request,) = notified.notices("status")
    assert request.header("content-type") == "application/json"
    assert request.header("user-agent").startswith("CronCoco/")
    assert re.fullmatch(r"msg_notice_[1-9][0-9]*", request.webhook_id)
    assert request.header("x-croncoco-attempt") == "1"
    assert abs(int(request.header("webhook-timestamp")) - request.arrived) < 3
    assert request.header("x-secret") is None  # the job's headers are for its own webhook


def test_signed(notified):
    (request,) = notified.notices("status")
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    verified = node_packages.run("webhook_verify.js", {
        "secret": notified.secret, "payload": request.body.decode(),
        "headers": {name: request.header(name) for name in names}})
    assert json.loads(verified)["job_name"] == NAME


def test_a_success_tells_nobody(notified):
    notified.notices("status")
    notified.api.wait_executions(notified.jobs["success"]["id"], 1, 20)
    time.sleep(1)
    assert notified.none("success")


def test_tried_again_until_it_is_heard(notified):
    """30 s later; the third one would be two minutes behind that."""
    first, second = notified.notices("unheard", 2, 60)[:2]
    assert 23 <= second.arrived - first.arrived <= 42
    assert first.body == second.body and first.webhook_id == second.webhook_id
    assert [request.header("x-croncoco-attempt") for request in (first, second)] == ["1", "2"]
    for name in ("x-croncoco-scheduled-at", "content-type"):
        assert first.header(name) == second.header(name)


def test_each_failure_is_told_once(notified):
    notified.notices("unheard", 2, 60)
    for name in ("status", "refused"):
        assert len(notified.notices(name)) == 1
