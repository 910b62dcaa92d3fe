"""What dies, is cut off or is frozen while a minute begins under load; afterwards the books must be right."""

import base64
import json
import secrets
import struct
import time

import accounting
import load
import pytest
import wait
from receiver import Answer

WORST_LATENESS_S = 6.0
SETTINGS = {"DISPATCH_PER_HOST": "2000"}


class Fleet:
    """Jobs of many business accounts that run every minute."""

    def __init__(self, stack, receiver, accounts: int, jobs_each: int, answer: Answer = Answer()):
        self.stack, self.receiver = stack, receiver
        self.prefix = "/" + secrets.token_hex(4)
        self.answer = answer
        self.accounts = [stack.account("business") for _ in range(accounts)]
        self.jobs = []
        wait.clear_of_minute(15)
        for account in self.accounts:
            for _ in range(jobs_each):
                self.add(account.create_job(**self.body()))

    def body(self) -> dict:
        url = self.receiver.script(f"{self.prefix}/{secrets.token_hex(8)}", self.answer)
        return {"name": "job", "cron_expression": "* * * * *", "webhook_url": url, "payload": {"n": 1}}

    def add(self, job: dict) -> None:
        self.jobs.append(job)

    def commands(self, count: int) -> load.Load:
        """A load of that many connections that change these jobs."""
        keys = [account.key for account in self.accounts for _ in range(len(self.jobs) // len(self.accounts))]
        targets = [(key, job["id"]) for key, job in zip(keys, self.jobs)]
        step = max(1, len(targets) // count)
        return load.Load(self.stack.port(), targets[::step][:count])

    def path_of(self, job: dict) -> str:
        return job["webhook_url"].removeprefix(self.receiver.url(""))

    def check(self, until_s: int, **options) -> accounting.Books:
        books = accounting.check(self.stack, self.receiver, self.jobs, until_s, path_of=self.path_of, **options)
        print(f"{books}")
        return books


def run_epochs(stack) -> list[int]:
    """The epoch of every message of RUNS, in order."""
    epochs = []
    with stack.nats.client() as client:
        state = client.stream_state("RUNS")
        for sequence in range(state["first_seq"], state["last_seq"] + 1):
            message = client.stream_message("RUNS", sequence)
            epochs.append(struct.unpack_from("<Q", base64.b64decode(message["data"]), 4)[0])
    return epochs


@pytest.mark.parametrize("moment_s", [
    pytest.param(-0.3, marks=pytest.mark.xdist_group("survival-leader-before")),
    pytest.param(0.02, marks=pytest.mark.xdist_group("survival-leader-amid"))])
def test_kill_of_the_leader_with_commands_in_flight(make_stack, receiver, moment_s):
    stack = make_stack(schedulers=2, **SETTINGS)
    fleet = Fleet(stack, receiver, accounts=8, jobs_each=25)
    leader, epoch = stack.leader(), stack.epoch()
    creations = [("POST", "/jobs", fleet.accounts[i % 8].key, fleet.body()) for i in range(200)]

    minute = wait.next_minute(3)
    wait.sleep_until(minute - 2)
    with fleet.commands(20) as commands:
        wait.sleep_until(minute + moment_s - 0.1)
        killed = []
        outcomes = load.burst(stack.port(), creations, lambda: (leader.kill(), killed.append(time.time())))
        wait.sleep_until(minute + 8)
    commands.check()

    assert [outcome.status for outcome in outcomes] == [201] * 200
    assert sum(outcome.answered > killed[0] for outcome in outcomes) >= 100, "the commands were in flight"
    for outcome in outcomes:
        fleet.add(json.loads(outcome.body))
    assert len({job["id"] for job in fleet.jobs}) == 400
    assert stack.epoch() > epoch

    wait.sleep_until(minute + 62)
    books = fleet.check(minute + 60)
    assert books.twice == 0 and books.worst_lateness_s < WORST_LATENESS_S
    epochs = run_epochs(stack)
    assert epochs == sorted(epochs)


@pytest.mark.xdist_group("survival-dispatcher")
def test_kill_of_a_dispatcher_with_deliveries_in_flight(make_stack, receiver):
    stack = make_stack(dispatchers=2, **SETTINGS)
    fleet = Fleet(stack, receiver, accounts=16, jobs_each=20, answer=Answer(delay_s=3))
    minute = wait.next_minute(3)
    wait.sleep_until(minute - 1)
    with fleet.commands(20) as commands:
        wait.sleep_until(minute + 1.5)
        in_flight = {each: each.metric("croncoco_deliveries_in_flight") for each in stack.of("dispatcher")}
        victim = max(in_flight, key=in_flight.get)
        assert in_flight[victim] >= 100, in_flight
        victim.kill()
        wait.sleep_until(minute + 5)
    commands.check()
    books = fleet.check(minute, twice_allowed=True)
    assert 1 <= books.twice <= in_flight[victim]


@pytest.mark.xdist_group("survival-stop")
def test_orderly_stop_of_each_kind_under_load(make_stack, receiver):
    stack = make_stack(gateways=1, schedulers=2, dispatchers=2, **SETTINGS)
    fleet = Fleet(stack, receiver, accounts=8, jobs_each=25, answer=Answer(delay_s=3))
    minute = wait.next_minute(3)
    wait.sleep_until(minute - 1)
    with fleet.commands(20) as commands:
        wait.sleep_until(minute + 1)
        in_flight = {each: each.metric("croncoco_deliveries_in_flight") for each in stack.of("dispatcher")}
        for stopped in (stack.leader(), max(in_flight, key=in_flight.get)):
            assert stopped.end() == 0
        wait.sleep_until(minute + 5)
    commands.check()
    assert max(outcome.answered - outcome.sent for outcome in commands.outcomes) < 2, "the standby took over at once"
    books = fleet.check(minute)
    assert books.twice == 0


@pytest.mark.xdist_group("survival-outage")
def test_an_outage_is_caught_up(make_stack, receiver):
    """Two minutes pass without a scheduler: the newest slot runs, the older one is on record as missed."""
    stack = make_stack(**SETTINGS)
    fleet = Fleet(stack, receiver, accounts=2, jobs_each=25)
    minute = wait.next_minute(3)
    wait.sleep_until(minute - 2)
    (scheduler,) = stack.of("scheduler")
    scheduler.kill()
    wait.sleep_until(minute + 64)
    scheduler.start().wait_ready()
    accounting.settle(stack, fleet.jobs, minute + 60, 20)
    rows = accounting.rows_of(stack, fleet.jobs, minute + 60)
    for job in fleet.jobs:
        assert rows[job["id"], minute] == [("skipped", "missed")]
        assert rows[job["id"], minute + 60] == [("success", None)]
        (request,) = receiver.requests(fleet.path_of(job))
        assert request.webhook_id == f"msg_{job['id']}_{minute + 60}"


@pytest.mark.xdist_group("survival-nats")
def test_restart_of_nats(make_stack, receiver):
    stack = make_stack(schedulers=2, **SETTINGS)
    fleet = Fleet(stack, receiver, accounts=8, jobs_each=25)
    minute = wait.next_minute(3)
    wait.sleep_until(minute - 2)
    with fleet.commands(20) as commands:
        wait.sleep_until(minute - 0.1)
        stack.nats.stop()
        time.sleep(1)
        stack.nats.start()
        wait.sleep_until(minute + 55)
        stack.nats.stop()  # once more, where no tick is under way
        stack.nats.start()
        wait.sleep_until(minute + 62)
    commands.check()
    fleet.check(minute + 60)


@pytest.mark.xdist_group("survival-postgres")
def test_restart_of_postgresql(make_stack, receiver):
    stack = make_stack(schedulers=2, **SETTINGS)
    fleet = Fleet(stack, receiver, accounts=8, jobs_each=25)
    minute = wait.next_minute(3)
    wait.sleep_until(minute - 2)
    with fleet.commands(20) as commands:
        wait.sleep_until(minute - 0.1)
        stack.postgres.crash()
        time.sleep(1)
        stack.postgres.start()
        wait.sleep_until(minute + 58)
        stack.postgres.stop()  # an orderly restart, across the next minute
        stack.postgres.start()
        wait.sleep_until(minute + 63)
    commands.check()
    fleet.check(minute + 60)


def database_state(stack) -> list:
    """Everything that a leader writes, with the transactions that wrote it."""
    tables = ("lease", "progress", "accounts", "jobs", "job_state", "answers", "outbox", "tokens", "executions")
    return [stack.postgres.query(f"SELECT count(*), max(xmin::text::bigint) FROM {table}") for table in tables]


def runs_state(stack) -> tuple[int, int]:
    with stack.nats.client() as client:
        state = client.stream_state("RUNS")
        return state["messages"], state["last_seq"]


@pytest.mark.xdist_group("survival-paused")
def test_a_leader_that_was_frozen_past_its_lease_does_nothing(make_stack, receiver):
    stack = make_stack(schedulers=2, LEASE_TTL_MS="4000", **SETTINGS)
    fleet = Fleet(stack, receiver, accounts=4, jobs_each=25)
    frozen, epoch = stack.leader(), stack.epoch()
    minute = wait.next_minute(6)
    wait.sleep_until(minute - 1)
    with fleet.commands(20) as commands:
        wait.sleep_until(minute - 0.2)  # with the tick prepared and commands under way
        frozen.pause()
        wait.until(lambda: stack.epoch() > epoch, 10, "a standby leads")
        wait.sleep_until(minute + 12)
        successor = stack.leader()
        assert successor is not frozen

        # While the successor rests within its lease, nobody may write or emit.
        successor.pause()
        time.sleep(0.2)
        before = database_state(stack), runs_state(stack)
        frozen.resume()
        time.sleep(1.5)
        after = database_state(stack), runs_state(stack)
        successor.resume()
        assert after == before

        wait.sleep_until(minute + 62)
    commands.check()
    books = fleet.check(minute + 60)
    assert books.twice == 0 and books.worst_lateness_s < WORST_LATENESS_S + 1  # the lease is a second longer here
    epochs = run_epochs(stack)
    assert epochs == sorted(epochs)

    stack.leader().kill()
    assert stack.account().create_job()
