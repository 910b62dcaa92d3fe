"""A minute in which receivers of a tenth of the accounts fail or hang, and how late the others' runs are."""

import dataclasses
import random

import measure
import seed
import wait

ACCOUNTS = 1000
JOBS_EACH = 50
SICK_EACH = ACCOUNTS // 20  # accounts whose receivers fail, and as many whose hang
PLAN = "business"  # as it is sold: what holds an account back is a part of what is measured
TIMEOUT_S = 120


def paths() -> tuple[list[str], list[str]]:
    """Where the accounts POST to, with all receivers in health and with some that are not."""
    well, sick = ["/calm"] * ACCOUNTS, ["/calm"] * ACCOUNTS
    chosen = random.Random(1).sample(range(ACCOUNTS), 2 * SICK_EACH)
    for rank, number in enumerate(chosen):
        well[number], sick[number] = "/well", "/fail" if rank < SICK_EACH else "/hang"
    return well, sick


@dataclasses.dataclass
class Lateness:
    p50: float
    p99: float
    worst: float

    def __str__(self) -> str:
        return f"{self.p50:.2f} / {self.p99:.2f} / {self.worst:.2f} s"

    def over(self, other: "Lateness") -> str:
        return f"{self.p50 / other.p50:.2f} / {self.p99 / other.p99:.2f} / {self.worst / other.worst:.2f}"


def mean(left: Lateness, right: Lateness) -> Lateness:
    return Lateness((left.p50 + right.p50) / 2, (left.p99 + right.p99) / 2, (left.worst + right.worst) / 2)


def lateness(stack, where: str = "true") -> Lateness:
    """Of the runs that have begun and meet the condition: from the slot to the beginning of the POST."""
    return Lateness(*stack.postgres.query(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY late), percentile_cont(0.99) WITHIN GROUP (ORDER BY late), "
        "max(late) FROM (SELECT extract(epoch FROM triggered_at - scheduled_at)::float8 AS late FROM executions "
        f"JOIN jobs ON jobs.id = job_id WHERE {where}) AS lateness")[0])


@dataclasses.dataclass
class Minute:
    lateness: Lateness  # of the calm accounts
    under_way: int  # POSTs when the last calm one was recorded


def minute(stack, paths_of_accounts: list[str]) -> Minute:
    """One minute of a new stack, in which every job is due once."""
    calm = paths_of_accounts.count("/calm") * JOBS_EACH
    with measure.Server("receiver", ACCOUNTS) as receiver, stack:
        hosts = [f"127.0.{(number + 1) // 256}.{(number + 1) % 256}" for number in range(ACCOUNTS)]
        due = stack.seed_jobs(ACCOUNTS * JOBS_EACH, ACCOUNTS, receiver.url("/never"), 15, PLAN)
        seed.aim(stack.postgres, [f"http://{host}:{receiver.port}{path}" for host, path in zip(hosts, paths_of_accounts)])
        for program in ("scheduler", "dispatcher", "dispatcher"):
            stack.add(program)
        for each in stack.processes:
            each.wait_ready(60)
        wait.sleep_until(due)

        def finished() -> bool:
            return stack.postgres.query(
                "SELECT count(*) FROM executions JOIN jobs ON jobs.id = job_id "
                "WHERE webhook_url LIKE '%%/calm' AND status = 'success'")[0][0] == calm
        wait.until(finished, TIMEOUT_S, "every run of the calm accounts has its row", 0.5)
        under_way = sum(each.metric("croncoco_deliveries_in_flight") for each in stack.of("dispatcher"))
        return Minute(lateness(stack, "webhook_url LIKE '%%/calm'"), int(under_way))
