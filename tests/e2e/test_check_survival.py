"""
Checks while everything dies, one after the other, under a load of pings: what was answered is kept, nobody
is called down who pinged in time, and who did not is told of, once.

Who pings in time does so at the last moment: what PostgreSQL knew of him, while a leader was away, was that he
is late.
"""

import asyncio
import collections
import secrets
import signal
import threading
import time

import pytest

import wait
from receiver import Answer
from watching import Watching

PERIOD_S = GRACE_S = 60
BUSY = 60  # checks that are pinged all the time
CONNECTIONS = 20
OUTAGE_S = 30


class Pings:
    """Pings without end, each under a run id of its own; those that were answered 200 are on record."""

    def __init__(self, ports: list[int], checks: list[str]):
        self.ports, self.checks = ports, checks
        self.answered: dict[str, str] = {}  # check, by run id
        self.refused = collections.Counter()  # by status; 0: no answer
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive(), "pings are still waiting for their answers"

    async def _run(self):
        await asyncio.gather(*(self._work(number) for number in range(CONNECTIONS)))

    async def _work(self, number: int):
        turn = number
        while not self.stopping.is_set():
            turn += 1
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[turn % len(self.ports)])
                await self._ping(reader, writer, number)
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                self.refused[0] += 1
                await asyncio.sleep(0.1)

    async def _ping(self, reader, writer, number: int):
        """One after the other, until one is refused or the connection ends."""
        for count in range(number, 1 << 30, CONNECTIONS):
            if self.stopping.is_set():
                return
            check, rid = self.checks[count % len(self.checks)], secrets.token_hex(8)
            writer.write(f"GET /ping/{check}?rid={rid} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            length = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:"))
            body = await reader.readexactly(length)
            status = int(head[0].split()[1])
            if status != 200:
                self.refused[status] += 1
                return
            assert body == b"OK"
            self.answered[rid] = check
            await asyncio.sleep(0.05)


class Service:
    """A stack, its checks, and what is done to them."""

    def __init__(self, stack, receiver):
        self.stack = stack
        self.busy = Watching(stack, receiver)
        self.others = Watching(stack, receiver)
        self.others.channel("alerts", Answer(200))
        # Mail would be told, too: its owner is not asked here.
        for channel in self.others.api.get("/api/v1/channels").json()["channels"]:
            if channel["kind"] == "email":
                assert self.others.api.delete(f"/api/v1/channels/{channel['id']}").is_success
        self.ids: dict[str, list[str]] = {}
        self.answered: dict[str, str] = {}  # check, by run id

    def make(self, watching: Watching, name: str, count: int) -> list[str]:
        """Checks that have pinged once."""
        checks = [{"name": f"{name} {n}", "period": PERIOD_S, "grace": GRACE_S} for n in range(count)]
        answer = watching.api.post("/api/v1/checks/import", json={"checks": checks})
        assert answer.status_code == 201, answer.text
        self.ids[name] = [check["id"] for check in answer.json()["checks"]]
        self.ping(name)
        return self.ids[name]

    def ping(self, name: str, signal: str = "", gateway: int = 0) -> None:
        """Each of them once."""
        for check in self.ids[name]:
            rid = secrets.token_hex(8)
            self.others.ping({"id": check}, signal, gateway, rid=rid)
            self.answered[rid] = check

    def settled(self) -> bool:
        """Everything that was pinged is up in PostgreSQL."""
        rows = self.stack.postgres.query("SELECT count(*) FROM check_state WHERE status = 'up'")
        return rows[0][0] == sum(map(len, self.ids.values()))

    def fall_due(self, at_s: int, *names: str) -> None:
        """As if they had pinged so long ago, for the next leader. Nobody leads now."""
        ids = [check for name in names for check in self.ids[name]]
        changed = self.stack.postgres.query(
            "UPDATE check_state SET base = to_timestamp(%s), last_ping_at = to_timestamp(%s) FROM checks "
            "WHERE id = check_id AND public_id = ANY(%s) RETURNING 1", at_s - PERIOD_S - GRACE_S,
            at_s - PERIOD_S - GRACE_S, ids)
        assert len(changed) == len(ids)

    def leader_changes(self, at_s: int | None = None, *names: str) -> None:
        """A leader dies, and while nobody leads, checks fall due."""
        leader, epoch = self.stack.leader(), self.stack.epoch()
        leader.kill()
        if at_s:
            self.fall_due(at_s, *names)
        leader.start()
        wait.until(lambda: self.stack.epoch() > epoch, 10, "another leader")

    def restart(self, program: str) -> None:
        victim = self.stack.of(program)[0]
        victim.kill()
        time.sleep(0.5)
        victim.start()


def missing(stack, answered: dict[str, str]) -> set[str]:
    """Run ids that are not in PostgreSQL; it fails on those that are there twice, or at another check."""
    rows = stack.postgres.query("SELECT p.rid, c.public_id FROM pings p JOIN checks c ON c.id = p.check_id")
    times = collections.Counter(rid for rid, _ in rows)
    assert [rid for rid, count in times.items() if count > 1] == []
    assert [(rid, check) for rid, check in rows if answered.get(rid, check) != check] == []
    return set(answered) - set(times)


@pytest.mark.xdist_group("check-survival")
def test_everything_dies_once(make_stack, receiver):
    stack = make_stack(gateways=2, schedulers=2, dispatchers=2)
    service = Service(stack, receiver)
    busy = service.make(service.busy, "busy", BUSY)
    for name, count in (("slow", 3), ("silent", 2), ("slow later", 3), ("silent later", 2), ("fails", 1)):
        service.make(service.others, name, count)
    wait.until(service.settled, 20, "all checks are up")

    with Pings([stack.port(0), stack.port(1)], busy) as pings:
        time.sleep(1)
        for program in ("gateway", "dispatcher", "mailer"):
            service.restart(program)

        first_s = int(time.time()) + 3
        leaving = threading.Thread(target=service.leader_changes, args=(first_s, "slow", "silent"))
        leaving.start()
        wait.sleep_until(first_s - 0.7)
        service.ping("slow", gateway=1)
        leaving.join()

        stack.nats.stop(signal.SIGKILL)
        time.sleep(1)
        stack.nats.start()
        time.sleep(3)
        stack.postgres.crash()
        time.sleep(1)
        stack.postgres.start()
        time.sleep(3)

        second_s = int(time.time()) + 20
        service.leader_changes(second_s, "slow later", "silent later")
        stopped_s = time.time()
        stack.postgres.stop()
        wait.sleep_until(second_s - 1.5)
        service.ping("slow later")
        service.ping("fails", "/fail")
        wait.sleep_until(stopped_s + OUTAGE_S)
        stack.postgres.start()
        time.sleep(5)

    print(f"{len(pings.answered)} pings were answered, others: {dict(pings.refused)}")
    assert len(pings.answered) > 1000
    answered = pings.answered | service.answered
    wait.until(lambda: not missing(stack, answered), 30, "every ping that was answered is in PostgreSQL", 0.5)

    down = {check: first_s for check in service.ids["silent"]} | {
        check: second_s for check in service.ids["silent later"]}
    flips = stack.postgres.query(
        "SELECT public_id, extract(epoch FROM at)::bigint FROM check_flips JOIN checks c ON c.id = check_id "
        "WHERE to_status = 'down' AND public_id <> %s", service.ids["fails"][0])
    assert sorted(flips) == sorted(down.items())

    told = {*down, service.ids["fails"][0]}
    wait.until(lambda: set(service.others.checks_told("alerts")) == told, 75, "whoever is down is told of", 0.5)
    recorded = wait.until(lambda: (rows := stack.postgres.query(
        "SELECT public_id, type, alerts.status FROM alerts JOIN checks c ON c.id = check_id")) and
        all(status == "sent" for _, _, status in rows) and rows, 20, "all alerts are sent")
    assert sorted(recorded) == sorted((check, "down", "sent") for check in told)
    assert max(service.others.checks_told("alerts").values()) <= 2
    for watching in (service.busy, service.others):
        watching.close()
