"""What became of a check: pages of pings, alerts and changes of state, and how long it was up."""

import datetime

import pytest

import pings
import shapes

NOW = "date_trunc('second', now())"


@pytest.fixture
def pro(stack):
    api = stack.account("pro")
    yield api
    api.close()


@pytest.fixture
def check(stack, pro):
    """Put straight into PostgreSQL, as are the rows of its history."""
    return pings.new_check(stack, pings.account_of(stack, pro))


def path(check, what: str) -> str:
    return f"/api/v1/checks/{check.name}/{what}"


def ask(api, check, what: str, **query) -> list[dict]:
    answer = api.get(path(check, what), params=query)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == [what]
    return answer.json()[what]


def add_ping(stack, check, number: int, ago: str, **columns) -> None:
    columns = {"type": "success", "source_ip": "203.0.113.1", "method": "GET"} | columns
    stack.postgres.query(f"INSERT INTO pings (check_id, received_at, id, {', '.join(columns)})"
                         f" VALUES (%s, {NOW} - interval '{ago}', %s{', %s' * len(columns)})",
                         check.id, number, *columns.values())


def test_pings(stack, pro, check):
    add_ping(stack, check, 1, "3 s")
    add_ping(stack, check, 2, "2 s", type="start", source_ip="2001:db8::1", method="POST", rid="run-1")
    add_ping(stack, check, 3, "1 s", type="fail", exit_code=3, duration_ms=1500, rid="run-1", mark="duplicate", method="HEAD",
             body=b'tail \xff\x00 "end"')
    add_ping(stack, check, 4, "0 s", type="log", source_ip=None, method=None, body=b"")
    found = ask(pro, check, "pings")
    now = found[0]["timestamp"]
    rest = {"check_id": check.name, "exit_code": None, "rid": None, "mark": None, "body": None}
    assert found == [
        {"id": 4, "timestamp": now, "source_ip": None, "duration": None, "type": "log"} | rest | {"body": "", "method": None},
        {"id": 3, "timestamp": now - 1, "source_ip": "203.0.113.1", "duration": 1500, "type": "fail"} | rest
        | {"exit_code": 3, "rid": "run-1", "mark": "duplicate", "body": 'tail \ufffd\x00 "end"', "method": "HEAD"},
        {"id": 2, "timestamp": now - 2, "source_ip": "2001:db8::1", "duration": None, "type": "start"} | rest
        | {"rid": "run-1", "method": "POST"},
        {"id": 1, "timestamp": now - 3, "source_ip": "203.0.113.1", "duration": None, "type": "success"} | rest
        | {"method": "GET"}]
    assert list(found[0]) == ["id", "check_id", "timestamp", "source_ip", "duration", "type", "exit_code", "rid", "mark",
                              "body", "method"]


def test_pages(stack, pro, check):
    stack.postgres.query(f"INSERT INTO pings (check_id, received_at, id, type) SELECT %s, {NOW} - n * interval '1 s',"
                         " 300 - n, 'success' FROM generate_series(1, 210) n", check.id)
    stack.postgres.query("INSERT INTO check_flips SELECT %s, n, now() - (300 - n) * interval '1 s', 'up', 'late', 'missed'"
                         " FROM generate_series(90, 299) n", check.id)
    stack.postgres.query("INSERT INTO alerts (check_id, id, account_id, channel_id, type, status, created_at)"
                         " SELECT c.id, n, c.account_id, 1, 'down', 'pending', now() FROM checks c,"
                         " generate_series(90, 299) n WHERE c.id = %s", check.id)
    newest_first = list(range(299, 89, -1))
    for what in ("pings", "alerts", "flips"):
        def ids(**query) -> list[int]:
            return [row["id"] for row in ask(pro, check, what, **query)]
        assert ids() == newest_first[:50]
        assert ids(limit=10) == newest_first[:10]
        assert ids(limit=200) == newest_first[:200]
        assert ids(limit=200, offset=200) == newest_first[200:]
        assert ids(limit=1, offset=209) == [90]
        assert ids(offset=210) == []


@pytest.mark.parametrize("what", ["pings", "alerts", "flips"])
@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=-1", "limit=ten", "limit=1.5", "limit=", "offset=-1",
                                   "offset=x", "limit=10&limit=20", "limit=%zz"])
def test_bad_pages(pro, check, what, query):
    shapes.check_api_error(pro.get(f"{path(check, what)}?{query}"), 400, query.split("=")[0])


def test_alerts(stack, pro, check):
    channel = int(pro.get("/api/v1/channels").json()["channels"][0]["id"][3:])
    for number, kind, status, error, sent in ((1, "down", "sent", None, "5 s"), (2, "reminder", "failed", "HTTP 500", None),
                                              (3, "up", "pending", None, None)):
        stack.postgres.query(
            f"INSERT INTO alerts (check_id, id, account_id, channel_id, type, status, error, created_at, sent_at)"
            f" SELECT id, %s, account_id, %s, %s, %s, %s, {NOW} - interval '10 s', {NOW} - %s::interval FROM checks"
            f" WHERE id = %s", number, channel, kind, status, error, sent, check.id)
    found = ask(pro, check, "alerts")
    created = found[0]["created_at"]
    shown = {"check_id": check.name, "channel_id": f"ch_{channel:03}", "created_at": created, "attempts": []}
    assert found == [
        shown | {"id": 3, "type": "up", "status": "pending", "error": None, "sent_at": None},
        shown | {"id": 2, "type": "reminder", "status": "failed", "error": "HTTP 500", "sent_at": None},
        shown | {"id": 1, "type": "down", "status": "sent", "error": None, "sent_at": created + 5}]
    assert list(found[0])[:8] == ["id", "check_id", "channel_id", "type", "status", "error", "created_at", "sent_at"]


def test_within_the_history_of_the_plan(stack, pro, check):
    stack.postgres.query("SELECT executions_maintain(current_date - 31, current_date - 1, current_date - 40)")
    add_ping(stack, check, 1, "8 days")
    add_ping(stack, check, 2, "6 days")
    stack.postgres.query("INSERT INTO alerts (check_id, id, account_id, channel_id, type, status, created_at)"
                         " SELECT c.id, n, c.account_id, 1, 'down', 'sent', now() - (10 - 2 * n) * interval '1 day'"
                         " FROM checks c, generate_series(1, 2) n WHERE c.id = %s", check.id)
    for what in ("pings", "alerts"):
        assert [row["id"] for row in ask(pro, check, what)] == [2, 1]
    stack.postgres.query("UPDATE plans SET history_days = 7 WHERE name = 'pro'")
    try:
        for what in ("pings", "alerts"):
            assert [row["id"] for row in ask(pro, check, what)] == [2]
    finally:
        stack.postgres.query("UPDATE plans SET history_days = 30 WHERE name = 'pro'")


def test_flips(stack, pro, check):
    stack.postgres.query(f"INSERT INTO check_flips VALUES (%s, 5, {NOW} - interval '40 days', 'new', 'up', 'ping'),"
                         f" (%s, 9, {NOW}, 'up', 'down', 'failed')", check.id, check.id)
    found = ask(pro, check, "flips")
    assert found == [
        {"id": 9, "timestamp": found[0]["timestamp"], "from": "up", "to": "down", "reason": "failed"},
        {"id": 5, "timestamp": found[0]["timestamp"] - 40 * 86400, "from": "new", "to": "up", "reason": "ping"}]


def make_history(stack, check, created_ago: str, status: str, *flips: tuple[str, str, str]) -> None:
    """The check is as old as that, and is now what it is; flips as (ago, from, to), the oldest first."""
    stack.postgres.query(f"UPDATE checks SET created_at = {NOW} - %s::interval WHERE id = %s", created_ago, check.id)
    stack.postgres.query(
        "INSERT INTO check_state (check_id, status, status_since, ping_count, alert_count, failures, successes, alerted, owed,"
        " reminders) VALUES (%s, %s, now(), 0, 0, 0, 0, false, false, 0)", check.id, status)
    for number, (ago, before, after) in enumerate(flips, 1):
        stack.postgres.query(f"INSERT INTO check_flips VALUES (%s, %s, {NOW} - %s::interval, %s, %s, 'test')",
                             check.id, number, ago, before, after)


def uptime(api, check) -> dict:
    answer = api.get(path(check, "uptime"))
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["24h", "7d", "30d", "months"]
    return answer.json()


def windows(api, check) -> list:
    found = uptime(api, check)
    return [found[name] for name in ("24h", "7d", "30d")]


def near(expected, tolerance: float = 0.02):
    return pytest.approx(expected, abs=tolerance)


def test_uptime_of_a_new_check(pro, check):
    found = uptime(pro, check)
    assert windows(pro, check) == [None, None, None]
    assert found["months"] == [{"month": datetime.datetime.now(datetime.UTC).strftime("%Y-%m"), "uptime": None,
                                "uptime_seconds": 0, "downtime_seconds": 0}]


def test_uptime_of_a_check_that_was_always_up(stack, pro, check):
    make_history(stack, check, "90 days", "up", ("89 days", "new", "up"))
    assert windows(pro, check) == [100, 100, 100]


def test_uptime_with_an_outage(stack, pro, check):
    make_history(stack, check, "90 days", "up", ("89 days", "new", "up"), ("48 hours", "up", "late"), ("47 hours", "late", "down"),
                 ("35 hours", "down", "up"))
    assert windows(pro, check) == [100, near(100 * (1 - 12 / 168)), near(100 * (1 - 12 / 720))]


def test_an_outage_that_lasts(stack, pro, check):
    make_history(stack, check, "90 days", "down", ("89 days", "new", "up"), ("12 hours", "up", "down"))
    assert windows(pro, check) == [near(50), near(100 * (1 - 12 / 168)), near(100 * (1 - 12 / 720))]


def test_an_outage_from_before_all_windows(stack, pro, check):
    make_history(stack, check, "90 days", "down", ("89 days", "new", "up"), ("60 days", "up", "down"))
    assert windows(pro, check) == [0, 0, 0]


def test_time_that_does_not_count(stack, pro, check):
    """Before the first ping, and paused: of 24 hours 6 count, 3 of them down."""
    make_history(stack, check, "30 hours", "paused", ("18 hours", "new", "up"), ("15 hours", "up", "down"), ("12 hours", "down", "paused"))
    assert windows(pro, check) == [near(50)] * 3


def test_a_check_that_is_younger_than_a_window(stack, pro, check):
    make_history(stack, check, "4 hours", "up", ("4 hours", "new", "up"), ("2 hours", "up", "down"), ("1 hours", "down", "up"))
    assert windows(pro, check) == [near(75)] * 3


def test_months(stack, pro, check):
    make_history(stack, check, "400 days", "up", ("399 days", "new", "up"))
    stack.postgres.query("INSERT INTO check_flips SELECT %s, 100 + n, date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
                         " - interval '10 days' + n * interval '1 day', CASE n WHEN 0 THEN 'up' ELSE 'down' END::check_status,"
                         " CASE n WHEN 0 THEN 'down' ELSE 'up' END::check_status, 'test' FROM generate_series(0, 1) n", check.id)
    months = uptime(pro, check)["months"]
    first = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    expected = []
    for i in range(12):
        expected.append((first.year * 12 + first.month - 1 - i))
    assert [month["month"] for month in months] == [f"{each // 12:04}-{each % 12 + 1:02}" for each in expected]
    before = (first - datetime.timedelta(days=1)).day  # days of the last month
    assert months[1] | {"uptime": None} == {"month": months[1]["month"], "uptime": None, "uptime_seconds": (before - 1) * 86400,
                                            "downtime_seconds": 86400}
    assert months[1]["uptime"] == near(100 * (1 - 1 / before), 0.0002)
    assert all(month["downtime_seconds"] == 0 and month["uptime"] == 100 for month in months[2:])
    assert months[0]["uptime"] in (100, None)


def test_months_begin_with_the_check(stack, pro, check):
    make_history(stack, check, "40 days", "up", ("40 days", "new", "up"))
    assert len(uptime(pro, check)["months"]) in (2, 3)
