"""cronpulse list and status: asked with the key, shown for people and for programs."""

import json
import time

import pytest

from cronpulse import Cronpulse
from receiver import Answer, Receiver

KEY = "cpk_0123456789abcdefghij"
PLAIN = {  # no more than is documented
    "id": "abc123", "name": "Nightly backup", "period": 86400, "grace": 300, "status": "up",
    "last_ping_at": 1707700000, "next_expected_at": 1707786400, "alert_count": 0, "ping_count": 42,
    "created_at": 1707000000, "updated_at": 1707700000,
}
TAGGED = PLAIN | {"id": "def456", "name": "Sync", "status": "down", "tags": "production,database", "group": "database",
                  "cron_expression": "0 2 * * *", "timezone": "Europe/Berlin", "last_duration_ms": 1500}
LISTED = PLAIN | {"id": "ghi789", "name": "Report", "status": "late", "tags": ["production"], "group": "web"}


@pytest.fixture
def server():
    started = Receiver().start()
    yield started
    started.stop()


@pytest.fixture
def cronpulse(tmp_path, server):
    client = Cronpulse(tmp_path, server.url(""))
    client.variables["CRONPULSE_API_KEY"] = KEY
    return client


def answer(value, status: int = 200, *headers: str) -> Answer:
    return Answer(status, json.dumps(value).encode(), ("Content-Type: application/json", *headers))


@pytest.fixture
def listed(server):
    server.script("/api/v1/checks", answer({"checks": [LISTED, TAGGED, PLAIN]}))
    return server


def ids(done) -> list[str]:
    return [check["id"] for check in json.loads(done.stdout)["checks"]]


def test_list(cronpulse, listed):
    done = cronpulse.run("list")
    assert (done.returncode, done.stderr) == (0, "")
    heading, *lines = done.stdout.splitlines()
    assert heading.split()[:3] == ["STATUS", "NAME", "ID"]
    assert [line.split()[0] for line in lines] == ["late", "down", "up"]
    assert "0 2 * * * Europe/Berlin" in lines[1] and "production, database" in lines[1]
    assert all(line == line.rstrip() for line in (heading, *lines))
    (request,) = listed.requests("/api/v1/checks")
    assert (request.method, request.target) == ("GET", "/api/v1/checks")
    assert request.header("authorization") == f"Bearer {KEY}"


def test_filters(cronpulse, listed):
    assert ids(cronpulse.run("list", "--json")) == ["ghi789", "def456", "abc123"]
    assert ids(cronpulse.run("list", "--json", "--tag", "production")) == ["ghi789", "def456"]
    assert ids(cronpulse.run("list", "--json", "--group", "database")) == ["def456"]
    assert ids(cronpulse.run("list", "--json", "--tag", "production", "--group", "web")) == ["ghi789"]
    assert ids(cronpulse.run("list", "--json", "--tag", "prod")) == []
    assert "Sync" in cronpulse.run("list", "--tag", "database").stdout
    assert "Report" not in cronpulse.run("list", "--tag", "database").stdout
    none = cronpulse.run("list", "--tag", "nothing")
    assert (none.returncode, none.stdout) == (0, "No check matches.\n")


def test_json_is_what_the_server_said(cronpulse, server):
    odd = PLAIN | {"name": 'a "b" \\ \u00fc\U0001f600\n', "big": 999999999999999, "new_field": {"a": [1, None, 1.5]}}
    server.script("/api/v1/checks", answer({"checks": [odd], "more": True}))
    assert json.loads(cronpulse.run("list", "--json").stdout) == {"checks": [odd], "more": True}


def test_no_checks(cronpulse, server):
    server.script("/api/v1/checks", answer({"checks": []}))
    assert cronpulse.run("list").stdout == "No checks yet.\n"
    assert json.loads(cronpulse.run("list", "--json").stdout) == {"checks": []}


def test_status(cronpulse, server):
    now = int(time.time())
    check = TAGGED | {"last_ping_at": now - 7290, "next_expected_at": now + 3 * 86400 + 60}
    server.script("/api/v1/checks/def456", answer({"check": check, "ping_url": "https://x.example.com/ping/def456"}))
    done = cronpulse.run("status", "def456", variables={"TZ": "UTC"})
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("Sync", "down", "0 2 * * * Europe/Berlin, grace 5m", "2h 1m ago", "1.500s", "42",
                 "https://x.example.com/ping/def456", "production, database", "2024-02-03 22:40:00 +0000"):
        assert part in done.stdout, part
    assert json.loads(cronpulse.run("status", "def456", "--json").stdout)["check"] == check


def test_fields_may_be_missing(cronpulse, server):
    server.script("/api/v1/checks", answer({"checks": [{}, {"id": "x", "tags": None}, None]}))
    server.script("/api/v1/checks/x", answer({"check": {"name": 7}}))
    assert cronpulse.run("list").returncode == 0
    assert cronpulse.run("list", "--tag", "a").stdout == "No check matches.\n"
    assert cronpulse.run("status", "x").returncode == 0


def test_colours_are_for_terminals(cronpulse, listed):
    assert "\x1b" not in cronpulse.run("list").stdout
    terminal = cronpulse.on_terminal("list")
    assert terminal.finish() == 0
    assert b"\x1b[31mdown\x1b[0m" in terminal.output and b"\x1b[32mup\x1b[0m" in terminal.output
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        terminal = cronpulse.on_terminal("list", variables=variables)
        assert terminal.finish() == 0 and b"down" in terminal.output and b"\x1b" not in terminal.output
    assert "\x1b" not in cronpulse.run("list", variables={"TERM": "xterm"}).stdout


def test_without_a_key(cronpulse, listed):
    done = cronpulse.run("list", variables={"CRONPULSE_API_KEY": None})
    assert done.returncode == 3 and "cronpulse config --api-key" in done.stderr
    assert listed.requests("/api/v1/checks") == []


def test_the_key_of_the_configuration(cronpulse, listed):
    cronpulse.run("config", "--api-key", "cpk_saved")
    assert cronpulse.run("list", variables={"CRONPULSE_API_KEY": None}).returncode == 0
    assert listed.requests("/api/v1/checks")[-1].header("authorization") == "Bearer cpk_saved"
    cronpulse.file.chmod(0o640)
    assert "chmod 600" in cronpulse.run("list", variables={"CRONPULSE_API_KEY": None}).stderr


def test_the_key_does_not_travel_in_the_open(cronpulse):
    """192.0.2.1 is nobody's address: only a refusal is that quick."""
    begun = time.monotonic()
    done = cronpulse.run("list", variables={"CRONPULSE_SERVER": "http://192.0.2.1"})
    assert done.returncode == 3 and "--allow-http" in done.stderr
    assert time.monotonic() - begun < 4


def test_plain_http_can_be_allowed(cronpulse, listed):
    """Through a proxy, so that an address is reached that is not this machine's."""
    variables = {"CRONPULSE_SERVER": "http://192.0.2.1", "http_proxy": listed.url("")}
    listed.script("http://192.0.2.1/api/v1/checks", answer({"checks": [PLAIN]}))
    assert ids(cronpulse.run("list", "--json", "--allow-http", variables=variables)) == ["abc123"]


@pytest.mark.parametrize("status, error, code, told", [
    (401, "Invalid API key", 1, "cronpulse config --api-key"),
    (403, "API access requires a Pro or Business plan", 1, "API access requires a Pro or Business plan"),
    (404, "Check not found", 1, "has no check 'abc123'"),
    (500, "Internal server error", 4, "Internal server error"),
])
def test_refusals(cronpulse, server, status, error, code, told):
    server.script("/api/v1/checks/abc123", answer({"error": error}, status))
    done = cronpulse.run("status", "abc123")
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr and error in done.stderr and str(status) in done.stderr


def test_the_rate_limit(cronpulse, server):
    server.script("/api/v1/checks", answer({"error": "Rate limit exceeded", "retry_after": 60}, 429, "Retry-After: 60"))
    done = cronpulse.run("list")
    assert done.returncode == 4 and "Rate limit exceeded: try again in 60 s" in done.stderr
    assert len(server.requests("/api/v1/checks")) == 1
    server.script("/api/v1/checks", answer({}, 429, "Retry-After: 1"), answer({"checks": [PLAIN]}))
    assert ids(cronpulse.run("list", "--json")) == ["abc123"]


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b'"checks"', b"{", b'{"checks":{}}', b'{"checks":null}'])
def test_answers_that_are_none(cronpulse, server, body):
    server.script("/api/v1/checks", Answer(200, body))
    done = cronpulse.run("list")
    assert (done.returncode, done.stdout) == (1, "") and "is that a CronPulse server?" in done.stderr


def test_a_name_does_not_command_the_terminal(cronpulse, server):
    server.script("/api/v1/checks", answer({"checks": [PLAIN | {"name": "a\x1b]0;b\x07c\r\nd", "group": "\x9b2J"}]}))
    terminal = cronpulse.on_terminal("list", variables={"NO_COLOR": "1"})
    assert terminal.finish() == 0
    assert b"a?]0;b?c??d" in terminal.output and b"\x1b" not in terminal.output and b"\x07" not in terminal.output


def test_many_checks(cronpulse, server):
    checks = [PLAIN | {"id": f"c{number}", "tags": "even" if number % 2 == 0 else "odd"} for number in range(20000)]
    server.script("/api/v1/checks", answer({"checks": checks}))
    assert len(ids(cronpulse.run("list", "--json", "--tag", "even"))) == 10000
    assert len(cronpulse.run("list").stdout.splitlines()) == 20001


def test_an_output_that_nobody_takes(cronpulse, listed):
    with open("/dev/full", "w") as full:
        assert cronpulse.run("list", capture_output=False, stdout=full, text=False).returncode == 3
