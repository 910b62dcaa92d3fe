"""The admin port: alive, ready, measured; and how a process begins and ends."""

import re
import signal

import pytest

import client
import process
import wait

PROGRAMS = ["gateway", "scheduler", "dispatcher", "mailer"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_health_and_metrics(stack, program):
    each = stack.of(program)[0]
    assert each.admin("/healthz")[0] == 200
    assert each.admin("/readyz")[0] == 200
    assert each.admin("/nowhere")[0] == 404
    status, text = each.admin("/metrics")
    assert status == 200
    typed = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", text, re.M))
    assert typed and all(name.startswith(("croncoco_", "process_")) for name in typed)
    sample = re.compile(r'([a-z_]+)(\{([a-z_]+="[^"\n]*",?)+\})? -?([0-9.e+-]+|\+Inf|NaN)')
    for line in text.splitlines():
        if not line.startswith("#"):
            match = sample.fullmatch(line)
            assert match, line
            assert {match[1], re.sub("_(bucket|sum|count)$", "", match[1])} & typed, line


def test_requests_are_counted(stack, anonymous):
    gateway = stack.of("gateway")[0]
    before = gateway.metric("croncoco_http_requests_total")
    for _ in range(7):
        anonymous.get("/account")
    assert gateway.metric("croncoco_http_requests_total") >= before + 7


@pytest.mark.xdist_group("readiness")
def test_readiness_follows_nats_and_postgresql(make_stack):
    stack = make_stack(dispatchers=1)
    # A gateway takes pings without PostgreSQL, so it must be asked.
    uses_database = [each for each in stack.processes if each.program not in ("mailer", "gateway")]
    for server, affected in ((stack.nats, stack.processes), (stack.postgres, uses_database)):
        server.stop()
        for each in affected:
            wait.until(lambda: each.admin("/readyz")[0] == 503, 20, f"{each.name} is not ready without {server}")
            assert each.admin("/healthz")[0] == 200
        server.start()
        for each in stack.processes:
            each.wait_ready(30)
    assert stack.account().create_job()


@pytest.mark.xdist_group("readiness")
def test_start_before_the_servers(make_stack):
    """The order in which things come up does not matter."""
    stack = make_stack(gateways=0, schedulers=0, dispatchers=0, mailer=False)
    stack.nats.stop()
    stack.postgres.stop()
    for program in PROGRAMS:
        stack.add(program)
    for each in stack.processes:
        assert each.admin("/healthz")[0] == 200 and each.admin("/readyz")[0] == 503
    stack.postgres.start()
    stack.nats.start()
    for each in stack.processes:
        each.wait_ready(30)
    assert stack.account().create_job()


def test_sigterm_ends_each_process_in_order(make_stack):
    stack = make_stack(dispatchers=1)
    api = stack.account()
    assert api.get("/account").status_code == 200  # leaves an idle connection
    for program in ("gateway", "dispatcher", "mailer", "scheduler"):
        assert stack.of(program)[0].end(signal.SIGTERM, 20) == 0, program


@pytest.mark.parametrize("program", PROGRAMS)
def test_wrong_configuration_ends_with_a_line_that_names_it(stack, program):
    good = stack.of(program)[0].variables
    for name, value in (("ADMIN_PORT", "70000"), ("LOG_LEVEL", "loud"), ("DRAIN_TIMEOUT_MS", "soon")):
        done = process.run(program, variables=good | {name: value})
        assert done.returncode == 64 and name in done.stderr
    for name in {"DATABASE_URL", "CRONCOCO_SECRET", "WEBHOOK_SIGNING_SECRET"} & set(good):
        done = process.run(program, variables={key: good[key] for key in good if key != name})
        assert done.returncode == 64 and name in done.stderr
    for name in {"CRONCOCO_SECRET", "WEBHOOK_SIGNING_SECRET"} & set(good):
        done = process.run(program, variables=good | {name: "short secret"})
        assert done.returncode == 64 and name in done.stderr and "short secret" not in done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version(program):
    for option in ("--help", "--version"):
        done = process.run(program, option, variables={})
        assert done.returncode == 0 and program in done.stdout
    assert process.run(program, "--frobnicate", variables={}).returncode == 64


def test_a_port_in_use_is_told(stack):
    taken = stack.of("gateway")[0].variables
    done = process.run("gateway", variables=taken)
    assert done.returncode == 69 and taken["PORT"] in done.stderr


def test_reads_go_on_without_a_leader(make_stack):
    stack = make_stack(dispatchers=0, COMMAND_TIMEOUT_MS="1500")
    api = stack.account()
    job = api.create_job()
    stack.of("scheduler")[0].kill()
    assert [each["id"] for each in api.get("/jobs").json()] == [job["id"]]
    answer = api.post("/jobs", json={"name": "x", "cron_expression": "0 * * * *", "webhook_url": "https://example.com/"})
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1


def test_a_read_without_postgresql_gets_503(make_stack):
    stack = make_stack(dispatchers=0)
    api = stack.account()
    stack.postgres.stop()
    answer = client.request("GET", f"{stack.url()}/jobs", headers={"Authorization": f"Bearer {api.key}"})
    assert answer.status_code == 503 and "detail" in answer.json()
    stack.postgres.start()
    wait.until(lambda: api.get("/jobs").status_code == 200, 30, "reads are answered again")
