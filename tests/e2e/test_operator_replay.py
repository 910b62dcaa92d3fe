"""An operator runs a window of slots again, for everybody: interrupted and repeated, each slot once."""

import collections
import datetime
import os
import re
import secrets
import signal

import child
import process
import wait

ACCOUNTS = 3
JOBS = 80  # of each; more than the 25 that the plan runs at once, so they leave in many messages
SUM = re.compile(r"done: (\d+) slots found, (\d+) replayed")


def stamp(minute: int) -> str:
    return datetime.datetime.fromtimestamp(minute, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def arguments(minute: int) -> list[str]:
    return ["replay", "--from", stamp(minute), "--to", stamp(minute + 59)]


def replayed(stack, minute: int, ids: list[int]) -> list[tuple]:
    return stack.postgres.query("SELECT job_id, replay, status::text, trigger::text FROM executions"
                                " WHERE job_id = ANY (%s) AND scheduled_at = to_timestamp(%s) AND replay > 0",
                                ids, minute)


def test_a_window_is_run_again_once(stack, receiver):
    prefix = "/" + secrets.token_hex(4)
    wait.clear_of_minute(25)
    accounts = [stack.account("business") for _ in range(ACCOUNTS)]
    jobs = {}
    for number, account in enumerate(accounts):
        url = receiver.url(f"{prefix}/{number}")
        for each in range(JOBS):
            jobs[account.create_job(name=str(each), cron_expression="* * * * *", webhook_url=url)["id"]] = number
    minute = wait.next_minute()
    ids = list(jobs)

    def finished():
        rows = stack.postgres.query("SELECT count(*) FROM executions WHERE job_id = ANY (%s) AND replay = 0"
                                    " AND scheduled_at = to_timestamp(%s) AND status = 'success'", ids, minute)
        return rows[0][0] == len(jobs)

    wait.until(finished, 80, "every slot of the minute has run")
    for account in accounts:  # later slots are of no interest
        for job in account.get("/jobs").json():
            assert account.patch(f"/jobs/{job['id']}", json={"enabled": False}).status_code == 200
    stack.postgres.query("DELETE FROM executions WHERE job_id = %s", ids[0])  # nobody knows that slot any more
    assert accounts[-1].delete(f"/jobs/{ids[-1]}").status_code == 204

    # Interrupted: the leader stands still, and the operator dies when its first command is in CMD.
    def commands() -> int:
        with stack.nats.client() as client:
            return client.stream_state("CMD")["last_seq"]

    leader, before = stack.leader(), commands()
    leader.pause()
    log = open(stack.directory / "replay.log", "ab")
    operator = child.start([process.binary("scheduler"), *arguments(minute)], log,
                           env=process.environment({"NATS_URL": stack.nats.url}))
    try:
        wait.until(lambda: commands() > before, 20, "it has begun", pause_s=0.01)
        os.kill(operator.pid, signal.SIGKILL)
        assert operator.wait() == -signal.SIGKILL
    finally:
        leader.resume()

    # Repeated, twice. Other tests' jobs may have been due in that minute too.
    sums = []
    for _ in range(2):
        done = process.run("scheduler", *arguments(minute), variables={"NATS_URL": stack.nats.url})
        assert done.returncode == 0, done.stdout + done.stderr
        sums.append([int(number) for number in SUM.search(done.stdout).groups()])
    assert sums[0] == sums[1]
    found, again = sums[0]
    assert found >= len(jobs) and again >= len(jobs) - 2 and found - again >= 2

    def all_ended():
        rows = replayed(stack, minute, ids)
        return len(rows) == len(jobs) - 2 and all(row[2] == "success" for row in rows)

    wait.until(all_ended, 30, "every slot has run again")
    rows = replayed(stack, minute, ids)
    assert {row[0] for row in rows} == set(ids[1:-1])
    assert {row[3] for row in rows} == {"replay"}
    came = collections.Counter(request.webhook_id for number in range(ACCOUNTS)
                               for request in receiver.requests(f"{prefix}/{number}"))
    expected = {f"msg_{job}_{minute}_{replay}" for job, replay, *_ in rows}
    assert {each: count for each, count in came.items() if each.count("_") == 3} == dict.fromkeys(expected, 1)


def test_a_window_without_runs(stack):
    done = process.run("scheduler", *arguments(wait.next_minute() + 3600), variables={"NATS_URL": stack.nats.url})
    assert done.returncode == 0, done.stdout + done.stderr
    assert SUM.search(done.stdout).groups() == ("0", "0")


def test_wrong_arguments(stack):
    for wrong in (["replay"], ["replay", "--from", "yesterday", "--to", stamp(0)],
                  ["replay", "--from", stamp(60), "--to", stamp(0)],
                  ["replay", "--from", stamp(0), "--to", stamp(0), "--name", "a b"],
                  ["replay", "--from", stamp(0), "--to"], ["replay", "--until", stamp(0)]):
        done = process.run("scheduler", *wrong, variables={"NATS_URL": stack.nats.url})
        assert done.returncode == 64, wrong
        assert done.stderr
