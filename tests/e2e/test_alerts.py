"""
Alerts of checks on their way out: payloads, signatures, retries, Slack, mail, groups, maintenance.

All checks of the first part fall at once, by a failure that they report, and the tests look at what became
of each: the delays of retries are real.
"""

import json
import time

import pytest

import client
import node_packages
import wait
from receiver import Answer
from watching import Watching, verify_signature

of_the_fallen = pytest.mark.xdist_group("alerts")

JITTER = 0.2
LATE_S = 4  # other tests take their share of the machine
YOUNG_LATE_S = LATE_S + 6.5  # of a leader whose connection is new: scheduler/ping_watermark.h
NAME = 'Nightly "backup" caf\u00e9 <\U0001f4a5> & co'
OF_JOBS = ("x-croncoco-scheduled-at", "x-croncoco-attempt")


def falls(watching, name: str, /, *answers: Answer, **fields) -> dict:
    """A check of its own account's channel of that name, which was up and reports a failure."""
    check = watching.check(fields.pop("name", name), watching.channel(name, *answers), **fields)
    watching.ping(check)
    watching.ping(check, "/fail")
    return check


@pytest.fixture(scope="module")
def fallen(stack, receiver):
    """Accounts of their own: the first few alerts of each in a minute leave alone."""
    first, second = Watching(stack, receiver), Watching(stack, receiver)
    wait.clear_of_minute(10)
    checks = {
        "plain": (first, falls(first, "plain", name=NAME)),
        "again": (first, falls(first, "again", Answer(500), Answer(204))),
        "redirected": (first, falls(first, "redirected", Answer(302), Answer(200))),
        "gone": (first, falls(first, "gone", Answer(410), Answer(200))),
        "hangs": (second, falls(second, "hangs", Answer(hang=True), Answer(200))),
        "closed": (second, falls(second, "closed", Answer(close=True), Answer(200))),
        "asked": (second, falls(second, "asked", Answer(503, headers=("Retry-After: 45",)), Answer(200))),
    }
    yield checks
    for watching in (first, second):
        watching.close()


@of_the_fallen
def test_down(fallen):
    watching, check = fallen["plain"]
    (request,) = watching.requests("plain")
    body = json.loads(request.body)
    seen = watching.seen(check)
    assert list(body) == ["event", "check", "timestamp"]
    assert body["check"] == {"id": check["id"], "name": NAME, "status": "down",
                             "last_ping_at": seen["last_ping_at"], "period": 3600}
    assert list(body["check"]) == ["id", "name", "status", "last_ping_at", "period"]
    assert body["event"] == "check.down" and abs(body["timestamp"] - request.arrived) < 10
    assert (request.method, request.header("content-type")) == ("POST", "application/json")
    assert [request.header(name) for name in OF_JOBS] == [None, None]
    assert seen["status"] == "down" and seen["alert_count"] == 1

    alert = watching.alert(check, "sent")
    assert (alert["check_id"], alert["type"], alert["error"]) == (check["id"], "down", None)
    assert alert["created_at"] == body["timestamp"] <= alert["sent_at"] <= time.time()


@of_the_fallen
def test_signature(fallen):
    watching, _ = fallen["plain"]
    (request,) = watching.requests("plain")
    signature = request.header("x-cronpulse-signature")
    assert verify_signature(request.body, signature, watching.secret)
    assert not verify_signature(request.body + b" ", signature, watching.secret)
    assert not verify_signature(request.body, signature, watching.secret[:-1] + "A")

    def node(body: bytes) -> str:
        return node_packages.run("alert_verify.js", {"secret": watching.secret, "payload": body.decode(),
                                                     "signature": signature})
    assert node(request.body) == "true" and node(request.body.replace(b"down", b"up")) == "false"
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    verified = node_packages.run("webhook_verify.js", {
        "secret": watching.secret, "payload": request.body.decode(),
        "headers": {name: request.header(name) for name in names}})
    assert json.loads(verified) == json.loads(request.body)


@of_the_fallen
@pytest.mark.parametrize("name, error, after_s", [
    ("again", "HTTP 500", 30), ("redirected", "HTTP 302", 30), ("gone", "HTTP 410", 30),
    ("closed", "connection closed without an answer", 30), ("asked", "HTTP 503", 45),
    ("hangs", "timed out after 5 s", 35)])
def test_whatever_fails_is_tried_again(fallen, name, error, after_s):
    watching, check = fallen[name]
    watching.requests(name)
    if len(watching.requests(name)) == 1 and name != "hangs":
        assert wait.until(lambda: watching.alerts(check)[0]["error"], 10, "the first failure is shown") == error
    first, second = watching.requests(name, 2, 75)
    jitter_s = 0 if name == "asked" else 30 * JITTER
    assert after_s - jitter_s - 1 <= second.arrived - first.arrived <= after_s + jitter_s + LATE_S
    assert json.loads(first.body)["event"] == "check.down"
    assert second.body == first.body[:-1] + b',"retry":1}'
    assert second.webhook_id == first.webhook_id
    for request in (first, second):
        assert verify_signature(request.body, request.header("x-cronpulse-signature"), watching.secret)

    alert = watching.alert(check, "sent")
    assert alert["error"] is None and alert["sent_at"] >= int(second.arrived)
    assert [(attempt["error"], attempt["response_code"]) for attempt in alert["attempts"]] == [
        (error, int(error[5:]) if error.startswith("HTTP") else None), (None, 204 if name == "again" else 200)]
    assert len(watching.requests(name)) == 2


@of_the_fallen
def test_up_follows_down(fallen):
    watching, check = fallen["plain"]
    watching.requests("plain")
    watching.ping(check)
    up = watching.requests("plain", 2)[1]
    body = json.loads(up.body)
    assert body == {"event": "check.up", "check": {"id": check["id"], "name": NAME}, "timestamp": body["timestamp"]}
    assert list(body) == ["event", "check", "timestamp"] and abs(body["timestamp"] - up.arrived) < 10
    assert verify_signature(up.body, up.header("x-cronpulse-signature"), watching.secret)
    wait.until(lambda: [(alert["type"], alert["status"]) for alert in watching.alerts(check)] ==
               [("down", "sent"), ("up", "sent")], 10, "both are on record")


@pytest.fixture
def watching(stack, receiver):
    made = Watching(stack, receiver, signed=False)
    yield made
    made.close()


def test_who_has_no_secret_gets_no_signature(watching):
    falls(watching, "unsigned")
    (request,) = watching.requests("unsigned")
    assert request.header("x-cronpulse-signature") is None and request.header("webhook-signature") is None


def test_slack(watching):
    check = falls(watching, "slack", name=NAME)
    slack = watching.channel("slack-own", Answer(500), Answer(200), kind="slack")
    tested = watching.check("to slack", slack)
    watching.ping(tested, "/fail")
    (request,) = watching.requests("slack-own")
    body = json.loads(request.body)
    assert list(body) == ["text"] and "to slack" in body["text"] and "down" in body["text"]
    assert request.header("content-type") == "application/json"
    retry = watching.requests("slack-own", 2, 45)[1]
    assert json.loads(retry.body) == body | {"retry": 1}
    watching.alert(tested, "sent")
    watching.alert(check, "sent")


def test_mail(watching, stack):
    """Everybody is told by mail at first."""
    check = watching.check(NAME, channels=None)
    watching.ping(check)
    before = len(stack.mail.to(watching.api.address))
    watching.ping(check, "/fail")
    down = stack.mail.wait(watching.api.address, before + 1)[-1]
    assert down["Subject"] == f"[down] {NAME}"
    text = client.text_of(down)
    assert f"{NAME} (id {check['id']})" in text and "every 1 hour, with a grace of 1 minute" in text
    assert "reported a failure" in text and f"/ping/{check['id']}" in text and "Down since: 20" in text
    watching.ping(check)
    up = stack.mail.wait(watching.api.address, before + 2)[-1]
    assert up["Subject"] == f"[up] {NAME}" and "Was down:   since 20" in client.text_of(up)
    alerts = watching.alerts(check)
    assert [(alert["type"], alert["status"], alert["error"]) for alert in alerts] == [
        ("down", "sent", None), ("up", "sent", None)]
    assert all(alert["sent_at"] and alert["attempts"] == [] for alert in alerts)


def test_mail_to_another_address_waits_for_its_owner(watching, stack):
    address = client.new_address()
    channel = watching.channel("other", kind="email", target=address)
    check = watching.check("other", channel)
    watching.ping(check, "/fail")
    (asked,) = stack.mail.wait(address)
    assert asked["Subject"] == "Confirm that CronCoco may send alerts to this address"
    assert f"/api/v1/channels/{channel}/verify" in client.text_of(asked)
    token = client.token_in(asked)
    answer = watching.api.post(f"/api/v1/channels/{channel}/verify", json={"token": token})
    assert answer.status_code == 200, answer.text
    watching.ping(check)
    watching.ping(check, "/fail")
    mails = stack.mail.wait(address, 2)
    assert [mail["Subject"] for mail in mails] == [asked["Subject"], "[down] other"]


def test_of_a_channel(watching, stack):
    def tested(channel: str) -> None:
        answer = watching.api.post(f"/api/v1/channels/{channel}/test")
        assert answer.is_success, answer.text
    tested(watching.channel("webhook"))
    (request,) = watching.requests("webhook")
    body = json.loads(request.body)
    assert list(body) == ["event", "message", "timestamp"] and type(body["timestamp"]) is int
    assert (body["event"], body["message"]) == ("test", "This is a test notification from CronPulse.")
    tested(watching.channel("slack", kind="slack"))
    assert json.loads(watching.requests("slack")[0].body) == {"text": body["message"]}
    mail = next(channel for channel in watching.api.get("/api/v1/channels").json()["channels"]
                if channel["kind"] == "email")
    tested(mail["id"])
    wait.until(lambda: any(mail["Subject"].startswith("[test]") for mail in stack.mail.to(watching.api.address)), 20,
               "the test mail")


def test_maintenance_holds_an_alert_back_until_its_end(watching):
    now_s = int(time.time())
    channel = watching.channel("maintained")
    check = watching.check("maintained", channel, maint_start=now_s - 60, maint_end=now_s + 8)
    watching.ping(check)
    watching.ping(check, "/fail")
    wait.until(lambda: watching.seen(check)["status"] == "down", 5, "it is down all the same")
    assert watching.alerts(check) == []
    (request,) = watching.requests("maintained")
    assert now_s + 8 <= request.arrived <= now_s + 8 + YOUNG_LATE_S
    assert json.loads(request.body)["event"] == "check.down"
    # Recovered within the window: nobody hears of it.
    now_s = int(time.time())
    quiet = watching.check("quiet", channel, maint_start=now_s - 60, maint_end=now_s + 5)
    watching.ping(quiet, "/fail")
    watching.ping(quiet)
    wait.sleep_until(now_s + 5 + YOUNG_LATE_S)
    assert watching.alerts(quiet) == [] and len(watching.requests("maintained")) == 1


def test_many_at_once_leave_together(watching, stack):
    """The first five of a minute alone, the others at its end in one notice."""
    wait.clear_of_minute(25)
    channel = watching.channel("many")
    mail = next(channel["id"] for channel in watching.api.get("/api/v1/channels").json()["channels"]
                if channel["kind"] == "email")
    checks = [watching.check(f"check {n}", channel, mail) for n in range(9)]
    for check in checks:
        watching.ping(check, "/fail")
    minute = (int(time.time()) // 60 + 1) * 60
    alone = [json.loads(request.body) for request in watching.requests("many", 5)]
    assert [body["event"] for body in alone] == ["check.down"] * 5
    (request,) = watching.requests("many", 6, 70)[5:]
    assert minute <= request.arrived <= minute + LATE_S
    together = json.loads(request.body)
    assert list(together) == ["event", "checks", "timestamp"] and together["event"] == "checks.down"
    assert sorted([body["check"]["name"] for body in alone] + [check["name"] for check in together["checks"]]) == \
        [check["name"] for check in checks]
    assert all(list(check) == ["id", "name", "status", "last_ping_at", "period"] for check in together["checks"])
    for check in checks:
        wait.until(lambda: [(alert["type"], alert["status"]) for alert in watching.alerts(check)] ==
                   [("down", "sent")] * 2, 10, "each has alerts of its own")
    subjects = [mail["Subject"] for mail in stack.mail.to(watching.api.address)]
    assert sum(subject.startswith("[down] check") for subject in subjects) == 5
    assert sum(subject.startswith("[down] 4 checks: ") for subject in subjects) == 1
