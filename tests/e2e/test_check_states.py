"""Checks over the real processes: pings are in PostgreSQL once, and states change at their seconds, whatever dies."""

import json
import shutil
import signal
import threading
import time

import httpx
import pings
import pytest
import wait
from ping_source import PingSource
from pings import Ping
from receiver import Answer
from seeded_checks import Checks

NOTICED_S = 12  # at most, from a state's second until it is written: leaders are careful where NATS is new
ALONE = {"gateways": 0, "dispatchers": 0, "mailer": False}


@pytest.fixture
def make_checks(make_stack):
    """A stack with no scheduler yet, so that checks can be put into PostgreSQL."""
    def make(**options):
        stack = make_stack(**(ALONE | {"schedulers": 0} | options))
        return stack, Checks(stack)
    return make


def lead(stack, count: int = 1):
    for _ in range(count):
        stack.add("scheduler").wait_ready()
    wait.until(lambda: stack.epoch() > 0, 10, "somebody leads")
    with stack.nats.client() as client:
        wait.until(lambda: client.request("$JS.API.STREAM.INFO.PINGS").get("state"), 10, "PINGS is there")


class Pinger:
    """Pings checks in turn until it is told to stop, and counts what was stored."""

    def __init__(self, stack, checks: list[int], pause_s: float = 0.002, each: int = 3):
        self.source, self.checks, self.pause_s, self.each = PingSource(stack.nats), checks, pause_s, each
        self.stored = self.unknown = 0
        self.thread = threading.Thread(target=self._run)
        self.stopping = False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()

    def _run(self):
        place = 0
        while not self.stopping:
            chosen = [self.checks[(place + i) % len(self.checks)] for i in range(self.each)]
            place += self.each
            if self.source.ping(*chosen):
                self.stored += self.each
            else:
                self.unknown += self.each
            time.sleep(self.pause_s)


def test_late_and_down_at_the_second(make_checks):
    stack, checks = make_checks()
    check, failing, untouched = (checks.add(period_seconds=4, grace_seconds=3) for _ in range(3))
    started = checks.add(period_seconds=3600, grace_seconds=2)
    lead(stack)
    source = PingSource(stack.nats)
    now_ms = int(time.time() * 1000)
    second = now_ms // 1000
    source.send(Ping(check, now_ms), Ping(failing, now_ms, "fail"), Ping(started, now_ms, "start"))
    wait.until(lambda: checks.status(check) == "down", 7 + NOTICED_S, "the check is down")
    assert checks.flips(check) == [(second, "up"), (second + 4, "late"), (second + 7, "down")]
    assert checks.flips(failing)[0] == (second, "down")
    assert checks.flips(started) == [(second + 2, "down")]
    assert checks.flips(untouched) == []

    now_ms = int(time.time() * 1000)
    source.send(Ping(check, now_ms))
    wait.until(lambda: checks.status(check) == "up", 2, "a ping brings it up at once")
    assert checks.flips(check)[-1] == (now_ms // 1000, "up")


def test_a_ping_is_written_as_it_came(make_checks):
    stack, checks = make_checks()
    check = checks.add()
    lead(stack)
    source = PingSource(stack.nats)
    now_ms = int(time.time() * 1000)
    source.send(Ping(check, now_ms - 2000, "start", rid="run 1", source="2001:db8::1", method="HEAD"),
                Ping(check, now_ms - 500, "fail", exit_code=7, rid="run 1", body=b"\0\xffend", method="POST"),
                Ping(check, now_ms, "log", source=None, body=b"x" * 10240), Ping(check ^ 1, now_ms))
    wait.until(lambda: checks.ping_count() == 3, 5, "the pings are written")
    assert checks.pings(check) == [
        (now_ms - 2000, "start", "2001:db8::1", "HEAD", None, "run 1", None, None, None),
        (now_ms - 500, "fail", "192.0.2.1", "POST", 7, "run 1", 1500, None, b"\0\xffend"),
        (now_ms, "log", None, "GET", None, None, None, None, b"x" * 10240)]


def test_what_cannot_be_believed(make_checks):
    """A message that is none, and gateways whose clocks are days off."""
    stack, checks = make_checks()
    check = checks.add()
    lead(stack)
    source = PingSource(stack.nats)
    sent_ms = int(time.time() * 1000)
    assert source.send_raw(b"nothing of ours")
    source.send(Ping(check, sent_ms + 5 * 86400000))
    source.send(Ping(check, sent_ms - 5 * 86400000))
    source.send(Ping(check, sent_ms))
    wait.until(lambda: checks.ping_count() == 3, 5, "the pings are written")
    assert all(abs(ping[0] - sent_ms) < 5000 for ping in checks.pings(check))
    (scheduler,) = stack.of("scheduler")
    assert scheduler.lines("message in PINGS cannot be read") and not scheduler.lines("term ends")


@pytest.mark.xdist_group("checks-leader")
def test_kill_of_the_leader(make_checks):
    stack, checks = make_checks()
    pinged = checks.add_many(300, period_seconds=3, grace_seconds=12)
    silent = checks.add(period_seconds=6, grace_seconds=3)
    lead(stack, 2)
    second = int(time.time())
    PingSource(stack.nats).send(Ping(silent, second * 1000))
    with Pinger(stack, pinged) as pinger:
        for _ in range(3):
            time.sleep(4)
            victim = stack.leader()
            victim.kill()
            victim.start()
        wait.until(lambda: checks.status(silent) == "down", 9 + NOTICED_S, "the silent one is down")
    wait.until(lambda: checks.ping_count() >= pinger.stored + 1, 20, "all pings are written")
    check_books(stack, checks, pinged, pinger)
    assert checks.flips(silent) == [(second, "up"), (second + 6, "late"), (second + 9, "down")]
    assert stack.epoch() >= 4


def check_books(stack, checks, pinged, pinger):
    """Every ping that was stored is a row, once; no check that was pinged in time went down."""
    time.sleep(1)
    assert pinger.stored <= checks.ping_count() - 1 <= pinger.stored + pinger.unknown
    assert stack.postgres.query("SELECT count(*) FROM (SELECT id FROM pings GROUP BY id HAVING count(*) > 1) n") == [(0,)]
    with stack.nats.client() as client:
        last = client.stream_state("PINGS")["last_seq"]
    assert stack.postgres.query("SELECT pings_seq FROM progress") == [(last,)]
    counted = stack.postgres.query("SELECT sum(ping_count)::bigint FROM check_state")[0][0]
    assert counted == checks.ping_count()
    assert stack.postgres.query("SELECT count(*) FROM check_flips WHERE check_id = ANY(%s) AND to_status = 'down'",
                                pinged) == [(0,)]
    print(f"{pinger.stored} pings, {pinger.unknown} unknown")


@pytest.mark.xdist_group("checks-nats")
def test_restart_of_nats(make_checks):
    stack, checks = make_checks()
    pinged = checks.add_many(300, period_seconds=3, grace_seconds=17)
    lead(stack, 2)
    PingSource(stack.nats).ping(pinged[0])
    with Pinger(stack, pinged) as pinger:
        time.sleep(3)
        stack.nats.stop(signal.SIGKILL)
        time.sleep(3)
        stack.nats.start()
        time.sleep(12)
    wait.until(lambda: checks.ping_count() >= pinger.stored + 1, 20, "all pings are written")
    check_books(stack, checks, pinged, pinger)


@pytest.mark.xdist_group("checks-postgres")
def test_postgresql_is_away_for_longer_than_the_deadlines(make_checks):
    stack, checks = make_checks()
    pinged = checks.add_many(300, period_seconds=3, grace_seconds=6)
    silent = checks.add(period_seconds=4, grace_seconds=5)
    lead(stack, 2)
    source = PingSource(stack.nats)
    second = int(time.time())
    source.send(Ping(silent, second * 1000))
    with Pinger(stack, pinged) as pinger:
        time.sleep(2)
        stack.postgres.crash()
        time.sleep(12)
        stack.postgres.start()
        time.sleep(3)
        wait.until(lambda: checks.status(silent) == "down", NOTICED_S, "the silent one is down")
    wait.until(lambda: checks.ping_count() >= pinger.stored + 1, 20, "all pings are written")
    check_books(stack, checks, pinged, pinger)
    assert checks.flips(silent) == [(second, "up"), (second + 4, "late"), (second + 9, "down")]


@pytest.mark.xdist_group("checks-backlog")
def test_nothing_goes_down_before_the_backlog_is_read(make_checks):
    """Nobody leads while deadlines pass and pings go on: 200,000 of them lie before those that count."""
    stack, checks = make_checks()
    noise = checks.add_many(1000)
    pinged = checks.add_many(100, period_seconds=3, grace_seconds=6)
    silent = checks.add(period_seconds=3, grace_seconds=6)
    lead(stack)
    source = PingSource(stack.nats)
    second = int(time.time())
    for check in pinged + [silent]:
        source.send(Ping(check, second * 1000))
    wait.until(lambda: checks.ping_count() == 101, 5, "the leader reads")
    (scheduler,) = stack.of("scheduler")
    scheduler.kill()
    for number in range(12):
        for _ in range(5):
            assert source.ping(*(noise[i % 1000] for i in range(4000)))
        for check in pinged:
            assert source.ping(check)
        time.sleep(max(0, second + 1 + number - time.time()))
    scheduler.start().wait_ready()
    wait.until(lambda: checks.ping_count() == 101 + 12 * (20000 + 100), 30, "all pings are written")
    time.sleep(NOTICED_S / 2)
    assert checks.status(silent) == "down"
    assert checks.flips(silent) == [(second, "up"), (second + 3, "late"), (second + 9, "down")]
    downs = stack.postgres.query("SELECT check_id, at FROM check_flips f WHERE to_status = 'down' AND check_id <> %s"
                                 " AND at < to_timestamp(%s)", silent, second + 18)
    assert downs == []


@pytest.mark.xdist_group("checks-gateway")
def test_a_gateway_takes_pings_while_nobody_leads(make_checks):
    stack, checks = make_checks(gateways=1)
    known = [pings.new_check(stack, checks.account) for _ in range(20)]
    stack.postgres.query("UPDATE checks SET period_seconds = 3, grace_seconds = 6")
    lead(stack)
    (scheduler,) = stack.of("scheduler")
    answered = 0
    with httpx.Client(base_url=stack.url(), trust_env=False) as client:
        for number in range(15):
            second = time.time()
            for check in known:
                answer = client.get(f"/ping/{check.name}")
                assert (answer.status_code, answer.text) == (200, "OK")
                answered += 1
            if number == 1:
                scheduler.kill()
            if number == 13:
                scheduler.start()
            time.sleep(max(0, second + 1 - time.time()))
    wait.until(lambda: checks.ping_count() == answered, 10, "all pings are written")
    time.sleep(2)
    assert stack.postgres.query("SELECT count(*) FROM check_flips WHERE to_status <> 'up'") == [(0,)]


@pytest.mark.xdist_group("checks-forget")
def test_streams_that_were_made_anew(make_checks):
    """PINGS is read from its first message where it is another one, and from its position where RUNS alone is."""
    stack, checks = make_checks()
    check = checks.add()
    lead(stack)
    source = PingSource(stack.nats)
    for _ in range(5):
        source.ping(check)
    wait.until(lambda: checks.ping_count() == 5, 5, "pings are written")

    (scheduler,) = stack.of("scheduler")
    scheduler.kill()
    with stack.nats.client() as client:
        assert client.request("$JS.API.STREAM.DELETE.RUNS")["success"]
    scheduler.start().wait_ready()
    source.ping(check)
    wait.until(lambda: checks.ping_count() >= 6, 10, "the ping is written")

    stack.nats.stop(signal.SIGKILL)
    shutil.rmtree(stack.nats.directory / "js")
    stack.nats.start()
    lead_again = time.monotonic()
    with stack.nats.client() as client:
        wait.until(lambda: client.request("$JS.API.STREAM.INFO.PINGS").get("state"), 10, "PINGS is there")
    source = PingSource(stack.nats)
    for _ in range(8):  # it passes the old position
        assert source.ping(check)
    wait.until(lambda: checks.ping_count() >= 14, 10, "pings of the new stream are written")
    assert time.monotonic() - lead_again < 15
    time.sleep(1)
    assert checks.ping_count() == 14


def test_an_alert_reaches_its_webhook(make_checks, receiver):
    stack, checks = make_checks(dispatchers=1, mailer=True)
    check = checks.add(name='Nightly "backup"', period_seconds=3, grace_seconds=2)
    checks.add_channel("webhook", receiver.script("/checks/alert", Answer()))
    checks.add_channel("email", "ops@example.com")
    lead(stack)
    source = PingSource(stack.nats)
    second = int(time.time())
    source.send(Ping(check, second * 1000))
    (request,) = wait.until(lambda: receiver.requests("/checks/alert"), 5 + NOTICED_S, "the alert arrives")
    created = json.loads(request.body)["timestamp"]
    assert second + 5 <= created <= time.time()
    assert request.body.decode() == (
        f'{{"event":"check.down","check":{{"id":"{check:016x}","name":"Nightly \\"backup\\"","status":"down",'
        f'"last_ping_at":{second},"period":3}},"timestamp":{created}}}')
    source.ping(check)
    wait.until(lambda: len(receiver.requests("/checks/alert")) == 2, 5, "so does the recovery")
    stack.mail.wait("ops@example.com", 2)

    def ended():
        rows = stack.postgres.query("SELECT type, status, error, sent_at IS NULL FROM alerts ORDER BY id")
        return rows if all(row[1] != "pending" for row in rows) else None
    rows = wait.until(ended, 5, "no alert is pending")
    assert sorted(rows) == [("down", "sent", None, False)] * 2 + [("up", "sent", None, False)] * 2


def test_pings_do_not_fill_up_their_stream(make_checks):
    stack, checks = make_checks(STREAM_STORAGE_MB="2")
    check = checks.add()
    lead(stack)
    source = PingSource(stack.nats)
    for number in range(400):
        assert source.send(Ping(check, int(time.time() * 1000), "log", body=b"x" * 10240)), number
        time.sleep(0.02)
    wait.until(lambda: checks.ping_count() == 400, 10, "the pings are written")


def test_executions_of_a_job_are_pings(stack, business, receiver):
    """On schedule or on demand; not what is run again, and not what is skipped."""
    url = receiver.script("/checks/job", Answer(), Answer(500), Answer())
    job = business.create_job(check=True, webhook_url=url, max_retries=0)
    check = stack.postgres.query("SELECT id FROM checks WHERE job_id = %s", job["id"])[0][0]

    def run(count: int) -> list[tuple]:
        assert business.post(f"/jobs/{job['id']}/run").status_code < 300
        wait.until(lambda: len(receiver.requests("/checks/job")) == count, 10, "the job has run")
        return wait.until(lambda: rows() if len(rows()) == count else None, 5, "its check was pinged")

    def rows() -> list[tuple]:
        return stack.postgres.query(
            "SELECT p.type, p.source_ip, p.method, p.duration_ms = e.duration_ms, p.received_at = e.completed_at,"
            " s.status::text FROM pings p JOIN executions e ON e.job_id = %s AND e.completed_at = p.received_at"
            " JOIN check_state s USING (check_id) WHERE p.check_id = %s ORDER BY p.id", job["id"], check)
    assert run(1) == [("success", None, None, True, True, "up")]
    assert [row[0] for row in run(2)] == ["success", "fail"] and rows()[-1][-1] == "down"
    assert [row[0] for row in run(3)] == ["success", "fail", "success"] and rows()[-1][-1] == "up"
    now = int(time.time())
    stack.postgres.query("INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, status, attempts,"
                         " version, timeout_seconds) VALUES (%s, to_timestamp(%s), 0, now(), 'failure', 1, 1, 30)", job["id"],
                         now // 60 * 60)
    replayed = business.post(f"/jobs/{job['id']}/replay", json={
        "from": time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(now)),
        "to": time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(now)), "statuses": ["failure"]})
    assert replayed.is_success, replayed.text
    wait.until(lambda: len(receiver.requests("/checks/job")) == 4, 10, "the slot has run again")
    time.sleep(1)
    assert len(rows()) == 3


def test_history_of_deleted_checks_goes(make_checks):
    stack, checks = make_checks(HISTORY_DAYS="10")
    gone, kept = checks.add(), checks.add()
    lead(stack)
    source = PingSource(stack.nats)
    source.ping(*[gone, kept] * 50)
    wait.until(lambda: checks.ping_count() == 100, 5, "the pings are written")
    stack.postgres.query("DELETE FROM checks WHERE id = %s", gone)
    stack.postgres.query("INSERT INTO check_purges VALUES (%s)", gone)
    stack.postgres.query(
        "INSERT INTO check_flips SELECT %s, -9 + n, now() - make_interval(months => 15 - n, days => -10), 'up', 'down', 'test'"
        " FROM generate_series(0, 3) n", kept)
    stack.postgres.query("INSERT INTO alerts (check_id, id, account_id, channel_id, type, status, created_at)"
                         " SELECT %s, -9 + n, 1, 1, 'down', 'sent', now() - make_interval(days => 13 - n, hours => -1)"
                         " FROM generate_series(0, 3) n", kept)
    wait.until(lambda: not stack.postgres.query("SELECT 1 FROM check_purges"), 30, "the check's history is gone")
    assert checks.ping_count() == 50
    assert stack.postgres.query("SELECT count(*) FROM check_flips WHERE check_id = %s", gone) == [(0,)]
    # Of those that are too old the newest stays: it says how the time behind it began.
    assert stack.postgres.query("SELECT id FROM check_flips WHERE check_id = %s AND id < 0 ORDER BY id",
                                kept) == [(-8,), (-7,), (-6,)]
    assert stack.postgres.query("SELECT id FROM alerts WHERE check_id = %s AND id < 0 ORDER BY id",
                                kept) == [(-7,), (-6,)]
