"""Every request of the reference of checks, run by curl as it is written there, and what it answers."""

import json
import pathlib
import re
import subprocess
import time

import pytest

import shapes
import wait
from receiver import Answer
from stack import PUBLIC_URL

BLOCKS = (pathlib.Path(__file__).parent / "check_examples.txt").read_text().split("\n\n")[1:]
EXAMPLES = {name: command.rstrip("\n") for name, _, command in (block.partition("\n") for block in BLOCKS)}
# What the reference shows, in its order; of values that it leaves open, their types.
CHECK = {"id": str, "name": "Nightly backup", "period": 86400, "grace": 600, "status": "new", "last_ping_at": None,
         "next_expected_at": None, "alert_count": 0, "ping_count": 0, "created_at": int, "updated_at": int}
PING = {"id": int, "check_id": str, "timestamp": int, "source_ip": "127.0.0.1", "duration": None, "type": "success"}
ALERT = {"id": int, "check_id": str, "channel_id": str, "type": "down", "status": str, "error": None, "created_at": int,
         "sent_at": int}
IMPORT = {"checks": [{"name": "Nightly backup", "period": 86400, "grace": 300, "tags": "production,database"},
                     {"name": "Hourly sync", "period": 3600, "grace": 120}]}


def check_documented(shown: dict, documented: dict) -> None:
    """The documented fields come first, as documented; ours come behind them."""
    assert list(shown)[:len(documented)] == list(documented)
    for name, expected in documented.items():
        if isinstance(expected, type):
            assert type(shown[name]) is expected, f"{name}: {shown[name]!r}"
        else:
            assert shown[name] == expected, f"{name}: {shown[name]!r}"


class Curl:
    """Runs an example: only the base URL and the placeholders of the reference are replaced."""

    def __init__(self, stack, key: str, directory: pathlib.Path):
        self.stack = stack
        self.key = key
        self.directory = directory
        self.check = None

    def __call__(self, example: str, status: int, media: str = "application/json"):
        command = EXAMPLES[example].replace("https://cron-pulse.com", self.stack.url())
        command = command.replace("YOUR_API_KEY", self.key)
        for placeholder in ("abc123", "YOUR_CHECK_ID"):
            if placeholder in command:
                command = command.replace(placeholder, self.check)
        done = subprocess.run(["bash", "-c", f"{command} -s -S -D headers -w '\\n%{{http_code}} %{{content_type}}'"],
                              capture_output=True, text=True, timeout=60, cwd=self.directory)
        body, _, last = done.stdout.rpartition("\n")
        code, _, content_type = last.partition(" ")
        assert (int(code), content_type) == (status, media), f"{code} {content_type} {body} {done.stderr}"
        headers = (self.directory / "headers").read_text().lower()
        assert ("x-ratelimit-limit: " in headers and "x-ratelimit-remaining: " in headers) == ("/api/v1/" in example)
        return json.loads(body) if media == "application/json" else body


@pytest.fixture
def pro(stack):
    api = stack.account("pro")
    yield api
    api.close()


@pytest.fixture
def curl(stack, pro, tmp_path):
    key = pro.post("/account/check-key").json()["api_key"]
    assert re.fullmatch("cpk_[0-9A-Za-z]{43}", key)
    return Curl(stack, key, tmp_path)


def test_all_examples_in_the_order_of_the_reference(curl):
    assert curl("GET /api/v1/checks", 200) == {"checks": []}
    made = curl("POST /api/v1/checks", 201)
    assert list(made) == ["check", "ping_url"]
    check = made["check"]
    check_documented(check, CHECK)
    shapes.check_check(check)
    assert (check["tags"], check["maint_schedule"]) == ("production,database", "daily:02:00-04:00")
    assert made["ping_url"] == f"{PUBLIC_URL}/ping/{check['id']}"
    assert abs(check["created_at"] - time.time()) < 30 and check["updated_at"] == check["created_at"]
    curl.check = check["id"]

    assert curl("GET /api/v1/checks", 200) == {"checks": [check]}
    assert curl("GET /api/v1/checks/{check}", 200) == made
    changed = curl("PATCH /api/v1/checks/{check}", 200)
    assert list(changed) == ["check"]
    assert changed["check"] == check | {"name": "Daily DB backup", "grace": 900, "updated_at": changed["check"]["updated_at"]}
    assert curl("GET /api/v1/checks/{check}", 200)["check"] == changed["check"]

    assert curl("POST /api/v1/checks/{check}/pause", 200) == {"paused": True}
    assert curl("GET /api/v1/checks/{check}", 200)["check"]["status"] == "paused"
    assert curl("POST /api/v1/checks/{check}/resume", 200) == {"resumed": True}
    assert curl("GET /api/v1/checks/{check}", 200)["check"]["status"] == "new"

    export = curl("GET /api/v1/checks/export", 200)
    assert list(export) == ["version", "exported_at", "checks"] and export["version"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", export["exported_at"])
    assert export["checks"] == [{"name": "Daily DB backup", "period": 86400, "grace": 900, "tags": "production,database",
                                 "maint_schedule": "daily:02:00-04:00"}]

    (curl.directory / "cronpulse-checks.json").write_text(json.dumps(IMPORT))
    imported = curl("POST /api/v1/checks/import", 201)
    assert list(imported) == ["imported", "skipped", "checks"]
    assert (imported["imported"], imported["skipped"]) == (2, 0)
    assert [check["name"] for check in imported["checks"]] == ["Nightly backup", "Hourly sync"]
    for each in imported["checks"]:
        assert list(each) == ["id", "name", "ping_url"] and each["ping_url"] == f"{PUBLIC_URL}/ping/{each['id']}"

    assert curl("GET /ping/{name}", 200, "text/plain") == "OK"
    pings = wait.until(lambda: curl("GET /api/v1/checks/{check}/pings", 200)["pings"], 20, "the ping to be written")
    check_documented(pings[0], PING)
    assert len(pings) == 1 and pings[0]["check_id"] == curl.check and abs(pings[0]["timestamp"] - time.time()) < 60
    assert curl("GET /api/v1/checks/{check}/alerts", 200) == {"alerts": []}
    up = curl("GET /api/v1/checks/{check}", 200)["check"]
    assert (up["status"], up["ping_count"], up["last_ping_at"]) == ("up", 1, pings[0]["timestamp"])
    assert up["next_expected_at"] == up["last_ping_at"] + 86400

    assert curl("DELETE /api/v1/checks/{check}", 200) == {"deleted": True}
    assert curl("GET /api/v1/checks/{check}", 404) == {"error": "Check not found"}


def test_an_alert_as_it_is_documented(curl, pro, stack, receiver):
    path = f"/alert/{time.time_ns()}"
    channel = pro.post("/api/v1/channels", json={"kind": "webhook", "target": receiver.script(path, Answer(status=200))})
    check = pro.post("/api/v1/checks", json={"channels": [channel.json()["channel"]["id"]]}).json()["check"]
    curl.check = check["id"]
    assert pro.get(f"/ping/{check['id']}/fail").status_code == 200

    def sent():
        alerts = curl("GET /api/v1/checks/{check}/alerts", 200)["alerts"]
        return alerts if alerts and alerts[0]["status"] == "sent" else None
    alert, = wait.until(sent, 30, "the alert to be sent", 0.1)
    check_documented(alert, ALERT)
    assert re.fullmatch(r"ch_\d{3,}", alert["channel_id"]) and alert["channel_id"] == channel.json()["channel"]["id"]
    assert alert["created_at"] <= alert["sent_at"] <= alert["created_at"] + 30


def test_documented_errors(curl, stack, pro):
    """A row of the reference's table of errors each, but for the rate: see test_shared_rate.py."""
    shapes.check_api_error(pro.post("/api/v1/checks", json={"period": 5}), 400)
    curl.key = "cpk_" + "a" * 43
    assert list(curl("GET /api/v1/checks", 401)) == ["error"]
    curl.check = "abc123"
    assert list(curl("GET /api/v1/checks/{check}", 404)) == ["error"]
    stack.set_plan(pro.address, "starter")
    curl.key = pro.key
    assert curl("GET /api/v1/checks", 403) == {"error": "API access requires a Pro or Business plan"}


def test_a_ping_of_no_check(curl):
    curl.check = "abc123"
    # -f lets curl fail, as a cron job wants it to.
    done = subprocess.run(["bash", "-c", EXAMPLES["GET /ping/{name}"].replace("https://cron-pulse.com", curl.stack.url())
                           .replace("YOUR_CHECK_ID", "abc123")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 22 and "404" in done.stderr


def test_no_example_is_left_out():
    assert len(EXAMPLES) == 12
