"""A check from its creation to its deletion, as its owner, its job and a reader of its badge see it."""

import time

import pytest

import client
import shapes
import wait
from receiver import Answer
from test_badges import parse

COLORS = {"new": "#3b82f6", "up": "#22c55e", "late": "#f59e0b", "down": "#ef4444", "paused": "#6b7280"}


class Watched:
    """A check with a webhook of its own."""

    def __init__(self, api, receiver, **fields):
        self.api = api
        self.alerts_path = f"/flow/{time.time_ns()}"
        self.receiver = receiver
        target = receiver.script(self.alerts_path, Answer(status=200))
        self.channel = api.post("/api/v1/channels", json={"kind": "webhook", "target": target}).json()["channel"]["id"]
        answer = api.post("/api/v1/checks", json={"channels": [self.channel]} | fields)
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["check"]["id"]
        self.path = f"/api/v1/checks/{self.id}"

    def ping(self, signal: str = "") -> float:
        before = time.time()
        answer = client.request("POST", f"{str(self.api.base_url).rstrip('/')}/ping/{self.id}{signal}", content=b"said")
        assert (answer.status_code, answer.text) == (200, "OK")
        return before

    def show(self) -> dict:
        check = self.api.get(self.path).json()["check"]
        shapes.check_check(check)
        return check

    def wait_status(self, status: str, timeout_s: float = 20) -> dict:
        wait.until(lambda: self.show()["status"] == status, timeout_s, f"the check to be {status}", 0.1)
        return self.show()

    def check_badge(self, status: str) -> None:
        wait.until(lambda: parse(self.api.get(f"/badge/{self.id}"))[1:] == (status, COLORS[status]), 5, f"a badge that says {status}")

    def flips(self) -> list[tuple[str, str]]:
        """The oldest first."""
        return [(flip["from"], flip["to"]) for flip in self.api.get(f"{self.path}/flips").json()["flips"]][::-1]

    def alerts(self) -> list[tuple[str, str]]:
        found = self.api.get(f"{self.path}/alerts").json()["alerts"][::-1]
        assert all(alert["channel_id"] == self.channel and alert["check_id"] == self.id for alert in found)
        return [(alert["type"], alert["status"]) for alert in found]


@pytest.fixture
def pro(stack):
    api = stack.account("pro")
    yield api
    api.close()


def test_the_whole_life_of_a_check(pro, receiver):
    check = Watched(pro, receiver, name="Nightly backup", period=3600)
    check.check_badge("new")
    assert check.show()["ping_count"] == 0

    at = check.ping()
    up = check.wait_status("up")
    check.check_badge("up")
    assert at - 1 <= up["last_ping_at"] <= time.time() and up["next_expected_at"] == up["last_ping_at"] + 3600
    assert parse(pro.get(f"/badge/{check.id}/uptime"))[1] == "100%"

    check.ping("/start")
    time.sleep(1.1)
    check.ping("/fail")
    down = check.wait_status("down")
    check.check_badge("down")
    assert 1000 <= down["last_duration_ms"] < 20_000
    wait.until(lambda: check.alerts() == [("down", "sent")], 20, "the alert to be sent", 0.1)

    time.sleep(1.1)  # the outage lasts a second at least
    check.ping("/0")
    check.wait_status("up")
    check.check_badge("up")
    wait.until(lambda: check.alerts() == [("down", "sent"), ("up", "sent")], 20, "the news of its recovery to be sent", 0.1)
    assert len(receiver.requests(check.alerts_path)) == 2
    assert check.show()["alert_count"] == 1  # outages that were told of

    assert pro.post(f"{check.path}/pause").json() == {"paused": True}
    check.check_badge("paused")
    check.ping("/fail")
    wait.until(lambda: check.show()["ping_count"] == 5, 20, "the ping to be counted", 0.1)
    assert check.show()["status"] == "paused"
    assert pro.post(f"{check.path}/resume").json() == {"resumed": True}
    check.check_badge("new")
    assert check.flips() == [("new", "up"), ("up", "down"), ("down", "up"), ("up", "paused"), ("paused", "new")]

    pings = pro.get(f"{check.path}/pings").json()["pings"]
    assert [ping["type"] for ping in pings] == ["fail", "success", "fail", "start", "success"]
    assert {ping["body"] for ping in pings} == {"said"} and {ping["method"] for ping in pings} == {"POST"}
    assert pings[1]["exit_code"] == 0 and pings[2]["duration"] == down["last_duration_ms"]

    uptime = pro.get(f"{check.path}/uptime").json()
    assert 0 < uptime["24h"] < 100 and uptime["24h"] == uptime["30d"]
    assert uptime["months"][0]["downtime_seconds"] >= 1

    assert pro.delete(check.path).json() == {"deleted": True}
    assert pro.get(f"/ping/{check.id}").status_code == 404
    wait.until(lambda: pro.get(f"/badge/{check.id}").status_code == 404, 5, "the badge to be gone")


def test_silence(pro, receiver):
    """Late at the expected second, down when the grace period has passed too."""
    check = Watched(pro, receiver, period=60, grace=60)
    check.ping()
    up = check.wait_status("up")
    wait.sleep_until(up["next_expected_at"] - 2)
    assert check.show()["status"] == "up"
    check.wait_status("late")
    assert time.time() - up["next_expected_at"] < 5
    check.check_badge("late")
    assert check.alerts() == []
    wait.sleep_until(up["next_expected_at"] + 58)
    assert check.show()["status"] == "late"
    check.wait_status("down")
    assert time.time() - up["next_expected_at"] < 65
    check.check_badge("down")
    wait.until(lambda: check.alerts() == [("down", "sent")], 20, "the alert to be sent", 0.1)
    assert check.flips() == [("new", "up"), ("up", "late"), ("late", "down")]
    late, down = [flip["timestamp"] for flip in pro.get(f"{check.path}/flips").json()["flips"]][1::-1]
    assert (late, down) == (up["next_expected_at"], up["next_expected_at"] + 60)
    assert check.show()["next_expected_at"] == up["next_expected_at"]
