"""
The benchmarks: our figures beside those of bare programs, measured in the same run.

    run.py [tick] [path] [fairness] [dispatcher] [api] [pings] [ingest] [failover] [command] [checks]
                                                             all of them without an argument
"""

import base64
import dataclasses
import datetime
import pathlib
import signal
import statistics
import struct
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import command_line  # noqa: E402
import fairness  # noqa: E402
import load  # noqa: E402
import measure  # noqa: E402
import ping_load  # noqa: E402
import seed  # noqa: E402
import wait  # noqa: E402
from stack import Stack  # noqa: E402

CONNECTIONS = 64
TICK_ROUNDS = 3
CHECKS_ROUNDS = 3
RUN_BYTES, HEAD_BYTES, RUNS_A_MESSAGE = 28, 12, 64  # shared/run.h


@dataclasses.dataclass
class Figure:
    name: str
    ours: str
    limit: str = ""
    ratio: str = ""


def ratio(ours: float, limit: float) -> str:
    return f"{ours / limit:.2f}"


class BareStack(Stack):
    """PostgreSQL and NATS with a schema; processes are added as a benchmark needs them."""

    def __init__(self, **variables: str):
        super().__init__(fsync=True, **variables)

    def __enter__(self) -> "BareStack":
        self.start_servers()
        self.migrate()
        return self

    def __exit__(self, *_):
        self.stop()

    def seed_jobs(self, count: int, account_count: int, url: str, margin_s: float, plan: str = seed.PLAN) -> int:
        """Jobs that are all due in one minute, at least margin_s away; returns that minute."""
        minute = wait.next_minute(margin_s)
        at = datetime.datetime.fromtimestamp(minute, datetime.timezone.utc)
        seed.accounts(self.postgres, account_count, plan)
        seed.jobs(self.postgres, count, account_count, f"{at.minute} {at.hour} * * *", url)
        return minute

    def cpu_s(self) -> float:
        ours = sum(each.cpu_s() for each in self.processes if each.alive())
        return ours + sum(measure.cpu_of_tree_s(each.process.pid) for each in (self.nats, self.postgres))


def tick_line(scheduler, timeout_s: float) -> dict:
    def emitted():
        return [line for line in scheduler.lines("tick emitted") if line["runs"] > 0]
    return wait.until(emitted, timeout_s, f"a tick was emitted\n{scheduler.tail()}", 0.2)[0]


def tick(count: int) -> tuple[dict, float]:
    """The scheduler's line of a tick of so many runs, and the bytes of a job."""
    with BareStack() as stack:
        minute = stack.seed_jobs(count, 10_000, "https://example.com/", 40)
        scheduler = stack.add("scheduler").wait_ready(60)
        wait.sleep_until(minute)
        line = tick_line(scheduler, 60)
        assert line["runs"] == count, line
        return line, scheduler.metric("croncoco_job_bytes")


def bare_tick_s(messages: int) -> float:
    """The bare program under the same conditions: a server that has just started, with the same streams."""
    with BareStack() as fresh:
        fresh.add("scheduler").wait_ready(60).kill()
        size = HEAD_BYTES + RUN_BYTES * RUNS_A_MESSAGE
        return measure.bare("publish", fresh.nats.url, messages, size).seconds


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def bench_tick() -> list[Figure]:
    """In turns, since the machine's speed changes from minute to minute."""
    ours_s, bare_s, scan_ms, emit_ms = [], [], [], []
    for _ in range(TICK_ROUNDS):
        line, job_bytes = tick(1_000_000)
        ours_s.append(line["last_ack_ms"] / 1000)
        scan_ms.append(line["scan_ms"])
        emit_ms.append(line["emit_ms"])
        bare_s.append(bare_tick_s(line["messages"]))
    return [
        Figure("1,000,000 due runs: second 0 to the last acknowledgement", spread(ours_s), spread(bare_s),
               ratio(statistics.median(ours_s), statistics.median(bare_s))),
        Figure("  the messages that carry them", f"{line['messages']}"),
        Figure("  the scan of the million", f"{statistics.median(scan_ms)} ms"),
        Figure("  second 0 to the last run handed to the bus", f"{statistics.median(emit_ms)} ms"),
        Figure("  a job in the leader", f"{job_bytes:.0f} bytes", "64 bytes", ratio(job_bytes, 64)),
    ]


def posts_of(receiver: measure.Server) -> int:
    with urllib.request.urlopen(receiver.url("/count"), timeout=30) as answer:
        return int(answer.read())


def bench_path() -> list[Figure]:
    count = 100_000
    with measure.Server("receiver") as receiver, BareStack() as stack:
        minute = stack.seed_jobs(count, 2_000, receiver.url("/hook"), 12)
        for program in ("scheduler", "dispatcher", "dispatcher"):
            stack.add(program)
        for each in stack.processes:
            each.wait_ready(60)
        wait.sleep_until(minute - 0.5)
        cpu_before = stack.cpu_s()

        def finished() -> bool:
            return stack.postgres.query("SELECT count(*) FROM executions WHERE status = 'success'")[0][0] == count
        wait.until(finished, 120, "every run has its row", 0.25)
        seconds = time.time() - minute
        cpu_us = (stack.cpu_s() - cpu_before) / count * 1e6
        late = fairness.lateness(stack)
        assert posts_of(receiver) == count
    return [
        Figure("100,000 due runs to a receiver and into PostgreSQL", f"{count / seconds:.0f} runs/s"),
        Figure("  CPU a run: our processes, NATS, PostgreSQL", f"{cpu_us:.0f} us", "100 us", ratio(cpu_us, 100)),
        Figure("  lateness p50 / p99 / max", str(late)),
    ]


def bench_fairness() -> list[Figure]:
    well, sick = fairness.paths()
    # The machine's speed changes from minute to minute, so there is one in health on either side.
    before, amid, after = (fairness.minute(BareStack(), paths) for paths in (well, sick, well))
    health = fairness.mean(before.lateness, after.lateness)
    return [
        Figure("1,000 accounts x 50 due runs: lateness p50 / p99 / max of nine tenths", str(amid.lateness),
               str(health), amid.lateness.over(health)),
        Figure("  while 5 % answer 500 and 5 % hang: POSTs under way at the end", f"{amid.under_way}"),
    ]


def bench_dispatcher() -> list[Figure]:
    """The runs wait in the stream; then one dispatcher wakes up, alone with NATS and PostgreSQL."""
    count = 100_000
    with measure.Server("receiver") as receiver, BareStack() as stack:
        bare = measure.bare("post", receiver.url("/hook"), CONNECTIONS, count)
        minute = stack.seed_jobs(count, 2_000, receiver.url("/hook"), 12)
        scheduler = stack.add("scheduler").wait_ready(60)
        dispatcher = stack.add("dispatcher", DISPATCH_PER_HOST=str(CONNECTIONS)).wait_ready(60)
        before = posts_of(receiver)
        wait.sleep_until(minute - 0.3)
        dispatcher.pause()
        assert tick_line(scheduler, 60)["runs"] == count
        scheduler.end(signal.SIGTERM)

        cpu_before_s, begin = dispatcher.cpu_s(), time.monotonic()
        dispatcher.resume()
        wait.until(lambda: posts_of(receiver) >= before + count, 120, "every run was POSTed", 0.05)
        seconds = time.monotonic() - begin
        cpu_s = dispatcher.cpu_s() - cpu_before_s
    return [
        Figure(f"one dispatcher, {CONNECTIONS} connections", f"{count / seconds:.0f} POSTs/s",
               f"{count / bare.seconds:.0f} POSTs/s", ratio(bare.seconds, seconds)),
        Figure("  its CPU a POST", f"{cpu_s / count * 1e6:.0f} us", f"{bare.cpu_s / count * 1e6:.0f} us",
               ratio(cpu_s, bare.cpu_s)),
    ]


WRK_SCRIPT = """
local keys = {%s}
local next = 0
request = function()
  next = next %% #keys + 1
  return wrk.format("%s", "/jobs", {["Authorization"] = "Bearer " .. keys[next],
                                    ["Content-Type"] = "application/json"}, %s)
end
"""
NEW_JOB = ("'{\"name\":\"hourly-sync\",\"cron_expression\":\"0 * * * *\",\"webhook_url\":\"https://your-app.com/sync\","
           "\"headers\":{\"X-Secret\":\"mytoken\"}}'")


def wrk_jobs(stack: Stack, method: str, keys: list[str], body: str, seconds: int) -> measure.Rate:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT % (",".join(f'"{key}"' for key in keys), method, body))
        script.flush()
        return measure.wrk(stack.url(), CONNECTIONS, seconds, pathlib.Path(script.name))


def bench_api() -> list[Figure]:
    with measure.Server("empty") as empty:
        limit = measure.wrk(empty.url(), CONNECTIONS, 5)
    with BareStack() as stack:
        keys = seed.accounts(stack.postgres, 1000)
        seed.jobs(stack.postgres, 5000, 1000, "0 0 29 2 *", "https://example.com/")
        for program in ("scheduler", "gateway"):
            stack.add(program).wait_ready()
        read = wrk_jobs(stack, "GET", keys, "nil", 8)
        write = wrk_jobs(stack, "POST", keys, NEW_JOB, 8)
    return [Figure(f"{name}, {CONNECTIONS} connections",
                   f"{rate.per_second:.0f}/s, p50 {rate.p50_ms:.1f} ms, p99 {rate.p99_ms:.1f} ms",
                   f"{limit.per_second:.0f}/s, p50 {limit.p50_ms:.1f} ms, p99 {limit.p99_ms:.1f} ms",
                   ratio(rate.per_second, limit.per_second))
            for name, rate in (("GET /jobs", read), ("POST /jobs", write))]


def bench_pings() -> list[Figure]:
    """One gateway, without a leader; in turns with the bare programs, since the machine's speed changes."""
    figures = []
    with BareStack() as stack:
        seed.accounts(stack.postgres, 10)
        script = ping_load.script(seed.checks(stack.postgres, stack.secret, 2000, 10))
        for program in ("scheduler", "gateway"):
            stack.add(program).wait_ready()
        stack.of("scheduler")[0].end()
        gateway = stack.of("gateway")[0]
        with measure.Server("empty") as empty, measure.Server("ping", stack.nats.url) as bare:
            servers = {"empty": (empty.url(), empty.process.pid), "bare": (bare.url(), bare.process.pid),
                       "ours": (stack.url(), gateway.pid)}
            measure.wrk(stack.url(), CONNECTIONS, 1, script)  # every check is known
            for connections in (64, 256):
                runs = {name: [] for name in servers}
                for _ in range(ping_load.ROUNDS):
                    for name, server in servers.items():
                        runs[name].append(ping_load.Run.of(*server, connections, 3, script))
                ours, bare_run, empty_run = (ping_load.Run.median(runs[name]) for name in ("ours", "bare", "empty"))
                figures += [
                    Figure(f"pings stored by one gateway, {connections} connections", str(ours), str(bare_run),
                           ratio(ours.rate.per_second, bare_run.rate.per_second)),
                    Figure("  beside an empty handler", "", str(empty_run),
                           ratio(ours.rate.per_second, empty_run.rate.per_second)),
                    Figure("  its CPU a ping", f"{ours.cpu_us:.0f} us", f"{bare_run.cpu_us:.0f} us",
                           ratio(ours.cpu_us, bare_run.cpu_us)),
                ]
        messages = gateway.metric("croncoco_ping_messages_total")
        stored = gateway.metric("croncoco_pings_stored_total")
    script.unlink()
    return [*figures, Figure("  pings a message", f"{stored / messages:.1f}")]


def bench_ingest() -> list[Figure]:
    """From the clients into the rows: as many pings as come in some seconds, until the last one is in PostgreSQL."""
    seconds = 60
    with BareStack() as stack:
        seed.accounts(stack.postgres, 100)
        script = ping_load.script(seed.checks(stack.postgres, stack.secret, 20_000, 100))
        for program in ("scheduler", "gateway"):
            stack.add(program).wait_ready()
        gateway = stack.of("gateway")[0]
        cpu_before_s, began = stack.cpu_s(), time.monotonic()
        rate = measure.wrk(stack.url(), CONNECTIONS, seconds, script)
        stored = int(gateway.metric("croncoco_pings_stored_total"))

        def applied() -> bool:
            return stack.postgres.query("SELECT count(*) FROM pings")[0][0] >= stored
        behind = stored - stack.postgres.query("SELECT count(*) FROM pings")[0][0]
        wait.until(applied, 120, "every ping has its row", 0.1)
        took = time.monotonic() - began
        cpu_us = (stack.cpu_s() - cpu_before_s) / stored * 1e6
        assert stack.postgres.query("SELECT sum(ping_count) FROM check_state")[0][0] == stored
    script.unlink()
    return [
        Figure(f"pings from {CONNECTIONS} connections while the leader reads them", f"{rate.per_second:.0f}/s, p50 "
               f"{rate.p50_ms:.1f} ms, p99 {rate.p99_ms:.1f} ms"),
        Figure("  into PostgreSQL, to the last row", f"{stored / took:.0f} pings/s"),
        Figure("  not yet there as the last one is answered", f"{behind} of {stored}"),
        Figure("  CPU a ping: our processes, NATS, PostgreSQL", f"{cpu_us:.0f} us"),
    ]


def first_run_after(stack: Stack, sequence: int) -> float | None:
    """When the first message with runs behind sequence was stored, as seconds since 1970."""
    with stack.nats.client() as client:
        for number in range(sequence + 1, client.stream_state("RUNS")["last_seq"] + 1):
            message = client.stream_message("RUNS", number)
            if struct.unpack_from("<H", base64.b64decode(message["data"]), 2)[0] > 0:
                return datetime.datetime.fromisoformat(message["time"][:26].rstrip("Z") + "+00:00").timestamp()
    return None


def failover(how: signal.Signals) -> tuple[float, float]:
    """Seconds from the leader's end, a tenth of a second before a minute, to a run and to an answer."""
    with BareStack() as stack:
        keys = seed.accounts(stack.postgres, 100)
        seed.jobs(stack.postgres, 1000, 100, "* * * * *", "https://example.com/")
        for program in ("scheduler", "scheduler", "gateway"):
            stack.add(program).wait_ready()
        targets = [(keys[job % 100], job) for job in range(1, 17)]
        minute = wait.next_minute(3)
        wait.sleep_until(minute - 2)
        with stack.nats.client() as client:
            sequence = client.stream_state("RUNS")["last_seq"]
        with load.Load(stack.port(), targets, pause_s=0.01) as commands:
            wait.sleep_until(minute - 0.1)
            leader, ended = stack.leader(), time.time()
            leader.process.send_signal(how)
            stored = wait.until(lambda: first_run_after(stack, sequence), 30, "a run is emitted", 0.1)
            time.sleep(2)
        commands.check()
    answered = sorted(outcome.answered for outcome in commands.outcomes)
    silence = max(later - earlier for earlier, later in zip(answered, answered[1:]))
    return stored - ended, silence


def bench_failover() -> list[Figure]:
    figures = []
    for how, name in ((signal.SIGKILL, "kill -9"), (signal.SIGTERM, "graceful stop")):
        run_s, answer_s = failover(how)
        figures.append(Figure(f"{name} of the leader: until a due run is emitted", f"{run_s:.2f} s", "5 s", ratio(run_s, 5)))
        figures.append(Figure("  longest time without an answered command", f"{answer_s:.2f} s"))
    return figures


def bench_command() -> list[Figure]:
    with BareStack() as stack:
        for program in ("scheduler", "gateway"):
            stack.add(program).wait_ready()
        seed.accounts(stack.postgres, 1)
        (check,) = seed.checks(stack.postgres, stack.secret, 1, 1)
        ours_ms, curl_ms = command_line.measure_ping(f"http://127.0.0.1:{stack.port()}", check)
    return [Figure("cronpulse ping, start to exit", f"{ours_ms:.1f} ms", f"curl: {curl_ms:.1f} ms",
                   ratio(ours_ms, curl_ms))]


def bench_checks() -> list[Figure]:
    """The program has the bare loop in it: the same array, in the same process."""
    runs = [measure.figures("checks", 1_000_000) for _ in range(CHECKS_ROUNDS)]
    median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return [
        Figure("1,000,000 checks in the leader: a second in which one is due", f"{median['scan_ms']:.2f} ms",
               f"{median['bare_ms']:.2f} ms", ratio(median["scan_ms"], median["bare_ms"])),
        Figure("  a second in which none is", f"{median['idle_us']:.2f} us"),
        Figure("  one in which 1 % is late, with its rows", f"{median['percent_ms']:.1f} ms"),
        Figure("  one in which all are late and down, in many transactions", f"{median['all_ms']:.0f} ms"),
        Figure("  a check", f"{median['bytes']:.0f} bytes", "100 bytes", ratio(median["bytes"], 100)),
    ]


PARTS = {"tick": bench_tick, "path": bench_path, "fairness": bench_fairness, "dispatcher": bench_dispatcher,
         "api": bench_api, "pings": bench_pings, "ingest": bench_ingest, "failover": bench_failover,
         "command": bench_command, "checks": bench_checks}


def print_table(figures: list[Figure]) -> None:
    rows = [Figure("figure", "measured", "limit or goal", "ratio"), *figures]
    widths = [max(len(getattr(row, field.name)) for row in rows) for field in dataclasses.fields(Figure)]
    for row in rows:
        cells = [getattr(row, field.name) for field in dataclasses.fields(Figure)]
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())


def main() -> int:
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 64
    figures = []
    for part in chosen:
        print(f"measuring {part} ...", file=sys.stderr, flush=True)
        figures += PARTS[part]()
    print_table(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
