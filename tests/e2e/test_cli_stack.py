"""cronpulse and the real server: what one sends, the other keeps and shows."""

import json

import pytest

import wait
from cronpulse import Cronpulse


@pytest.fixture
def cronpulse(tmp_path, stack, business):
    client = Cronpulse(tmp_path, stack.url(1))
    client.variables["CRONPULSE_API_KEY"] = business.key
    return client


@pytest.fixture
def make_check(business):
    def make(**fields) -> str:
        answer = business.post("/api/v1/checks", json={"name": "Nightly backup"} | fields)
        assert answer.status_code == 201, answer.text
        return answer.json()["check"]["id"]

    return make


def history(api, check: str, count: int) -> list[dict]:
    """The pings of a check, the oldest first."""
    def kept():
        answer = api.get(f"/api/v1/checks/{check}/pings")
        assert answer.status_code == 200, answer.text
        found = answer.json()["pings"]
        return found if len(found) >= count else None
    return wait.until(kept, 30, f"{count} pings of {check}", 1)[::-1]


def status_of(cronpulse, check: str) -> str:
    return json.loads(cronpulse.run("status", check, "--json").stdout)["check"]["status"]


def test_each_kind_of_ping(cronpulse, business, make_check):
    check = make_check()
    for options in ([], ["--log", "--message", "a note"], ["--start", "--rid", "r/1"], ["--exit-code", "3", "--rid", "r/1"]):
        done = cronpulse.run("ping", check, *options)
        assert (done.returncode, done.stderr) == (0, "")
    kept = history(business, check, 4)
    assert [ping["type"] for ping in kept] == ["success", "log", "start", "fail"]
    assert kept[3]["duration"] is not None
    assert status_of(cronpulse, check) == "down"


def test_a_wrapped_run(cronpulse, business, make_check):
    check = make_check()
    done = cronpulse.run("wrap", check, "--log", "--", "sh", "-c", "echo working; sleep 0.3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "working\n", "")
    start, end = history(business, check, 2)
    assert (start["type"], end["type"], start["duration"]) == ("start", "success", None)
    assert end["duration"] is not None
    assert status_of(cronpulse, check) == "up"
    assert cronpulse.run("wrap", check, "--", "false").returncode == 1
    assert history(business, check, 4)[-1]["type"] == "fail"
    assert status_of(cronpulse, check) == "down"


def test_runs_that_overlap(cronpulse, business, make_check):
    check = make_check()
    runs = [cronpulse.start("wrap", check, "--", "sleep", seconds) for seconds in ("0.2", "1.2")]
    assert [run.wait(60) for run in runs] == [0, 0]
    kept = history(business, check, 4)
    assert sorted(ping["type"] for ping in kept) == ["start", "start", "success", "success"]
    assert all(ping["duration"] is not None for ping in kept if ping["type"] == "success")


def test_list_and_status(cronpulse, make_check):
    backup = make_check(tags="production,database", group="db")
    report = make_check(name="Report", tags=["production"], period=3600)
    make_check(name="Other")

    def listed(*options) -> list[str]:
        return [check["id"] for check in json.loads(cronpulse.run("list", "--json", *options).stdout)["checks"]]

    assert listed("--tag", "production") == [report, backup]
    assert listed("--group", "db") == [backup]
    assert len(listed()) == 3
    table = cronpulse.run("list")
    assert table.returncode == 0 and len(table.stdout.splitlines()) == 4 and backup in table.stdout
    page = cronpulse.run("status", backup)
    assert page.returncode == 0 and f"/ping/{backup}" in page.stdout and "new" in page.stdout


def test_a_check_by_name(cronpulse, business, make_check):
    key = business.post("/api/v1/ping-key/rotate").json()["ping_key"]
    check = make_check(slug="nightly-backup")
    assert cronpulse.run("ping", f"{key}/nightly-backup").returncode == 0
    assert cronpulse.run("wrap", f"{key}/nightly-backup", "--", "true").returncode == 0
    assert [ping["type"] for ping in history(business, check, 3)] == ["success", "start", "success"]
    assert cronpulse.run("ping", f"{key}/another").returncode == 1
    assert cronpulse.run("ping", f"{key}/another", "--create").returncode == 0
    made = json.loads(cronpulse.run("list", "--json").stdout)["checks"][0]
    assert made["slug"] == "another" and history(business, made["id"], 1)[0]["type"] == "success"


def test_refusals(cronpulse, stack, make_check):
    done = cronpulse.run("ping", "abc123")
    assert done.returncode == 1 and "has no check 'abc123'" in done.stderr
    done = cronpulse.run("status", "abc123")
    assert done.returncode == 1 and "has no check 'abc123'" in done.stderr
    done = cronpulse.run("list", variables={"CRONPULSE_API_KEY": "cpk_nobody"})
    assert done.returncode == 1 and "cronpulse config --api-key" in done.stderr
    free = stack.account()
    done = cronpulse.run("list", variables={"CRONPULSE_API_KEY": free.key})
    free.close()
    assert done.returncode == 1 and "requires a Pro or Business plan" in done.stderr
    done = cronpulse.run("wrap", "abc123", "--", "sh", "-c", "exit 9")
    assert done.returncode == 9 and done.stderr.count("answered 404") == 2


def test_the_key_of_checks(cronpulse, business, make_check):
    answer = business.post("/account/check-key")
    assert answer.status_code == 201, answer.text
    check = make_check()
    key = answer.json()["api_key"]
    assert cronpulse.run("config", "--api-key", "-", input=key).returncode == 0
    done = cronpulse.run("status", check, variables={"CRONPULSE_API_KEY": None})
    assert done.returncode == 0 and check in done.stdout
