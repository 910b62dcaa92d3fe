"""What should not happen: servers that forget, fill up, or are set to another time."""

import shutil
import signal
import time

import pytest
import shapes
import wait
from receiver import Answer

PAYLOAD = {"text": "x" * 10000}


@pytest.mark.xdist_group("calamities-full")
def test_streams_do_not_fill_up_with_what_was_applied(make_stack):
    stack = make_stack(STREAM_STORAGE_MB="2")
    api = stack.account("business")
    job = api.create_job()
    for _ in range(320):
        answer = api.patch(f"/jobs/{job['id']}", json={"payload": PAYLOAD})
        assert answer.status_code == 200, answer.text
        time.sleep(0.02)


@pytest.mark.xdist_group("calamities-full")
def test_mail_does_not_fill_up_with_what_was_sent(make_stack):
    stack = make_stack(STREAM_STORAGE_MB="2", dispatchers=0, gateways=0)
    padding = "x" * 20000
    with stack.nats.client() as client:
        for number in range(150):
            mail = {"v": 1, "kind": "failure", "id": f"full-{number}", "to": "full@example.com",
                    "created_ms": int(time.time() * 1000), "expires_ms": 0, "job_id": 1, "job_name": "job",
                    "code": 500, "error": "HTTP 500", "failed_ms": 1, "since_ms": 1, "pause_ms": 0, "count": 1,
                    "padding": padding}
            stored = client.request("mail.failure", mail)
            assert stored.get("seq"), stored
            time.sleep(0.1)
    assert len(stack.mail.wait("full@example.com", 150)) == 150


@pytest.mark.xdist_group("calamities-nats")
def test_nats_that_lost_its_data(make_stack, receiver):
    stack = make_stack()
    api = stack.account("business")
    url = receiver.script("/calamities/nats", Answer())
    for _ in range(20):  # positions in PostgreSQL that the new streams do not reach soon
        api.create_job()
    job = api.create_job(cron_expression="* * * * *", webhook_url=url)
    wait.clear_of_minute(10)
    stack.nats.stop(signal.SIGKILL)
    shutil.rmtree(stack.nats.directory / "js")
    stack.nats.start()
    api.create_job()
    api.wait_executions(job["id"])


@pytest.mark.xdist_group("calamities-clock")
def test_a_lease_from_the_future(make_stack):
    """PostgreSQL's clock was set back by an hour, and the leader died before it renewed its lease."""
    stack = make_stack(schedulers=1)
    stack.of("scheduler")[0].kill()
    stack.postgres.query("UPDATE lease SET expires_at = clock_timestamp() + interval '1 hour'")
    epoch = stack.epoch()
    stack.add("scheduler")
    wait.until(lambda: stack.epoch() > epoch, 10, "a new leader")


@pytest.mark.xdist_group("calamities-backlog")
def test_a_long_outage_of_many_jobs(make_stack):
    """Ten days of minutes are dealt with in pieces: the lease is renewed meanwhile."""
    stack = make_stack(schedulers=1, LEASE_TTL_MS="500", CATCH_UP_WINDOW_S="2678400")
    stack.account("business")
    stack.of("scheduler")[0].end()
    stack.postgres.query("""
        INSERT INTO jobs (id, account_id, version, name, cron_expression, webhook_url, enabled, due_after,
                          created_at, updated_at)
        SELECT 1000 + n, 1, 1, 'job', '0 0 29 2 *', 'http://127.0.0.1:9/', true, now(), now(), now()
          FROM generate_series(1, 200000) n""")
    stack.postgres.query("UPDATE progress SET last_tick = date_trunc('minute', now() - interval '10 days'),"
                         " next_job = 300000")
    scheduler = stack.add("scheduler")
    wait.until(lambda: stack.postgres.query("SELECT last_tick > now() - interval '2 minutes' FROM progress")[0][0],
               90, "all minutes are dealt with")
    assert not scheduler.lines("term ends")


@pytest.mark.xdist_group("calamities-purge")
def test_runs_that_are_lost_from_the_stream(make_stack, receiver):
    """Each has its row: a failure that says so."""
    stack = make_stack(dispatchers=1)
    api = stack.account("business")
    url = receiver.script("/calamities/purge", Answer())
    job = api.create_job(cron_expression="* * * * *", webhook_url=url)
    wait.clear_of_minute(5)
    stack.of("dispatcher")[0].end()
    minute = wait.next_minute()
    wait.sleep_until(minute)
    wait.until(lambda: [row["status"] for row in api.executions(job["id"])] == ["pending"], 20, "a pending row")
    with stack.nats.client() as client:
        assert client.request("$JS.API.STREAM.PURGE.RUNS")["success"]
    stack.of("dispatcher")[0].start()
    rows = api.wait_executions(job["id"], timeout_s=150)
    lost = [row for row in rows if shapes.parse_time(row["triggered_at"]) >= minute][-1]
    assert (lost["status"], lost["response_code"]) == ("failure", None) and "lost" in lost["error"]


@pytest.mark.xdist_group("calamities-housekeeping")
def test_housekeeping_that_fails_ends_nothing_else(make_stack):
    stack = make_stack(schedulers=1, dispatchers=1)
    api, epoch = stack.account(), stack.epoch()
    stack.postgres.query("REVOKE DELETE ON purges FROM croncoco_scheduler")
    scheduler = stack.of("scheduler")[0]
    wait.until(lambda: scheduler.lines("housekeeping failed, trying again later"), 20, "a failure")
    api.create_job()
    assert stack.epoch() == epoch


@pytest.mark.xdist_group("calamities-history")
def test_an_outage_longer_than_the_history(make_stack):
    """There is no place for the rows of slots that would be dropped at once: they are not looked for."""
    stack = make_stack(schedulers=1, dispatchers=1, HISTORY_DAYS="8", CATCH_UP_WINDOW_S="1728000")
    stack.account().create_job(cron_expression="0 * * * *")
    stack.of("scheduler")[0].end()
    stack.postgres.query("UPDATE jobs SET due_after = now() - interval '13 days'")
    stack.postgres.query("UPDATE progress SET last_tick = date_trunc('minute', now() - interval '12 days')")
    scheduler = stack.add("scheduler")
    wait.until(lambda: stack.postgres.query("SELECT last_tick > now() - interval '2 minutes' FROM progress")[0][0],
               30, "all minutes are dealt with")
    assert stack.postgres.query("SELECT count(*) FROM executions WHERE status = 'skipped'")[0][0] >= 22 * 8
    assert not scheduler.lines("term ends")
