"""Pings: from the client's request to the message in JetStream."""

import asyncio
import collections
import concurrent.futures
import json
import os
import pathlib
import secrets
import signal
import socket
import threading
import time

import httpx
import pytest

import check_ids
import client as api_client
import pings
import wait
from load import Line
from raw_http import Connection, request

NOT_FOUND = {"error": "Check not found"}
FORMS = {
    "": ("success", None), "/start": ("start", None), "/fail": ("fail", None), "/log": ("log", None),
    "/0": ("success", 0), "/1": ("fail", 1), "/255": ("fail", 255),
}
BODY_KEPT, BODY_MAX = 10240, 1048576


@pytest.fixture(scope="module")
def account(stack):
    """The number of an account."""
    api = stack.account()
    api.close()
    return pings.account_of(stack, api)


@pytest.fixture
def check(stack, account):
    return pings.new_check(stack, account)


def ping(stack, path: str, method: str = "GET", gateway: int = 0, **options) -> httpx.Response:
    return api_client.request(method, f"{stack.url(gateway)}/ping/{path}", **options)


def of(stack, check: pings.Check) -> list[pings.Ping]:
    return [each for each in pings.stored(stack) if each.check == check.id]


def check_stored(answer: httpx.Response, text: str = "OK") -> None:
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, text, "text/plain")


def check_refused(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert ("retry-after" in answer.headers) == (status == 503)


def delete(stack, check: pings.Check) -> None:
    """As the leader does: the row, then the event."""
    stack.postgres.query("DELETE FROM checks WHERE id = %s", check.id)
    with stack.nats.client() as nats:
        nats.publish(f"event.check.{check.id}")


@pytest.mark.parametrize("suffix, told", FORMS.items())
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_forms_and_methods(stack, check, suffix, told, method):
    before_ms = int(time.time() * 1000)
    check_stored(ping(stack, check.name + suffix, method), "" if method == "HEAD" else "OK")
    (found,) = of(stack, check)
    assert before_ms <= found.time_ms <= int(time.time() * 1000)
    assert found == pings.Ping(check.id, found.time_ms, told[0], method, told[1], "127.0.0.1", "", b"")


@pytest.mark.parametrize("suffix", FORMS)
def test_forms_by_slug(stack, suffix):
    api = stack.account()
    account = pings.account_of(stack, api)
    key, check = pings.new_ping_key(stack, account), pings.new_check(stack, account, "nightly-backup_1")
    for gateway in (0, 1):
        check_stored(ping(stack, f"{key}/nightly-backup_1{suffix}", gateway=gateway))
    assert [(each.kind, each.exit_code) for each in of(stack, check)] == 2 * [FORMS[suffix]]


def test_other_methods(stack, check):
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        answer = ping(stack, check.name, method)
        check_refused(answer, 405)
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert of(stack, check) == []


def test_signals_that_are_none(stack, check):
    for suffix in ("/stop", "/256", "/-1", "/00", "/start/1"):
        check_refused(ping(stack, check.name + suffix), 400)
    for suffix in ("/", "/start/", "/a/b/c"):
        check_refused(ping(stack, check.name + suffix), 404)
    assert of(stack, check) == []


def test_rid(stack, check):
    longest = "".join(chr(33 + n) for n in range(64))
    for rid in ("run-1", "a b", longest):
        check_stored(ping(stack, check.name, params={"rid": rid, "other": "1"}))
    for query in ("", "?rid=", "?other=1"):
        check_stored(ping(stack, check.name + query))
    assert [each.rid for each in of(stack, check)] == ["run-1", "a b", longest, "", "", ""]
    for query in (f"?rid={'x' * 65}", "?rid=%C3%A4", "?rid=a%0Ab", "?rid=a&rid=b"):
        check_refused(ping(stack, check.name + query), 400)
    with Connection(stack.port()) as connection:
        assert connection.send(request("GET", f"/ping/{check.name}?rid=%zz")).answer()[0] == 400
    assert len(of(stack, check)) == 6


BODIES = {
    "text": b"42 tables\n", "bytes": bytes(range(256)), "json": b'{"a": 1}', "kept": os.urandom(BODY_KEPT),
    "cut": os.urandom(BODY_KEPT + 1), "largest": os.urandom(BODY_MAX),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_bodies(stack, check, body):
    for headers in ({}, {"Content-Type": "application/json"}, {"Content-Type": "application/x-thing; a=b"},
                    {"Content-Encoding": "gzip"}):
        check_stored(ping(stack, check.name, "POST", content=body, headers=headers))
    check_stored(httpx.post(f"{stack.url()}/ping/{check.name}", content=iter([body[:100], body[100:]])))  # chunked
    assert [each.body == body[-BODY_KEPT:] for each in of(stack, check)] == 5 * [True]


def test_body_of_a_get(stack, check):
    check_stored(ping(stack, check.name + "/log", content=b"from a GET"))
    assert [each.body for each in of(stack, check)] == [b"from a GET"]


@pytest.mark.parametrize("content", [b"x" * (BODY_MAX + 1), b"x" * (4 * BODY_MAX)], ids=["a byte more", "four times"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(stack, check, content, chunked):
    check_refused(httpx.post(f"{stack.url()}/ping/{check.name}", content=iter([content]) if chunked else content), 413)
    assert of(stack, check) == []


def test_a_body_that_is_announced(stack, check):
    with Connection(stack.port()) as connection:
        connection.send(f"POST /ping/{check.name} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                        "Expect: 100-continue\r\n\r\n".encode())
        assert connection.answer()[0] == 100
        assert connection.send(b"hello").answer()[0] == 200
    assert [each.body for each in of(stack, check)] == [b"hello"]


def test_pings_on_one_connection(stack, check):
    """Sent without waiting for the answers."""
    with Connection(stack.port()) as connection:
        for number in range(200):
            connection.send(request("GET", f"/ping/{check.name}?rid={number}"))
        assert [connection.answer()[::2] for _ in range(200)] == 200 * [(200, b"OK")]
    assert [each.rid for each in of(stack, check)] == [str(number) for number in range(200)]


def test_names_of_no_check(stack):
    never_made = check_ids.check(stack.secret, check_ids.draw())
    for name in ("abc123", "x" * 16, "0" * 16, "z" * 16, never_made, never_made[:-1], f"{never_made}x", "pk_abc/a",
                 "a%2fb"):
        answer = ping(stack, name)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), name
        assert ping(stack, name, "HEAD").status_code == 404


def test_names_that_are_forged(stack, check, account):
    """Another MAC, the MAC of another kind, and a name in the place of a key."""
    key = pings.new_ping_key(stack, account)
    for name in (check_ids.check("another secret", check.id), check_ids.ping_key(stack.secret, check.id)[3:],
                 f"{check.name}/check", f"pk_{check.name}/check", f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}/check", key):
        assert ping(stack, name).status_code in (400, 404), name
    assert of(stack, check) == []


def test_a_name_from_an_earlier_secret(stack, account):
    """The secret was changed since: PostgreSQL knows the names that were made with the old one."""
    check = pings.new_check(stack, account, "old", secret="the secret that was there before")
    key = pings.new_ping_key(stack, account, secret="the secret that was there before")
    check_stored(ping(stack, check.name))
    check_stored(ping(stack, f"{key}/old/start"))
    assert [each.kind for each in of(stack, check)] == ["success", "start"]


def test_a_deleted_check(stack, account):
    check = pings.new_check(stack, account, "gone")
    key = pings.new_ping_key(stack, account)
    for gateway in (0, 1):
        check_stored(ping(stack, check.name, gateway=gateway))
        check_stored(ping(stack, f"{key}/gone", gateway=gateway))
    delete(stack, check)
    for gateway in (0, 1):
        for path in (check.name, f"{key}/gone"):
            wait.until(lambda: ping(stack, path, gateway=gateway).status_code == 404, 5, "the check is gone")
    assert ping(stack, check.name).json() == NOT_FOUND


def test_checks_of_a_deleted_account(stack):
    """They go with it; of them alone nobody tells."""
    api = stack.account()
    check = pings.new_check(stack, pings.account_of(stack, api))
    for gateway in (0, 1):
        check_stored(ping(stack, check.name, gateway=gateway))
    token = api.request_token("/account/delete-request", api.address)
    assert api.request("DELETE", "/account", json={"token": token, "email": api.address}).is_success
    for gateway in (0, 1):
        wait.until(lambda: ping(stack, check.name, gateway=gateway).status_code == 404, 5, "the check is gone")


def test_slugs(stack):
    api = stack.account()
    account = pings.account_of(stack, api)
    key, check = pings.new_ping_key(stack, account), pings.new_check(stack, account, "a")
    other = pings.new_check(stack, account)
    for path in (f"{key}/b", f"{key}/A", f"{key}/{check.name}", f"{key}/", f"{key}/a%20"):
        check_refused(ping(stack, path), 404)
    for path in (key, f"{key}/A", f"{key}/A?create=1", f"{key}/a%20"):
        assert "1 to 100 of a-z, 0-9, hyphens and underscores" in ping(stack, path).json()["error"]
    check_stored(ping(stack, f"{key}/a"))
    # It moves to another check, of which nobody tells.
    stack.postgres.query("UPDATE checks SET slug = CASE WHEN id = %s THEN NULL ELSE 'a' END WHERE account_id = %s",
                         check.id, account)

    def arrives() -> bool:
        check_stored(ping(stack, f"{key}/a"))
        return of(stack, other) != []
    wait.until(arrives, 15, "the slug's new check is found", 0.5)
    # The key is replaced, of which the leader tells.
    replaced = pings.new_ping_key(stack, account)
    with stack.nats.client() as nats:
        nats.publish(f"event.account.{account}")
    wait.until(lambda: ping(stack, f"{key}/a").status_code == 404, 5, "the old key is void")
    check_stored(ping(stack, f"{replaced}/a"))


def test_a_ping_key_is_not_logged(stack, account):
    key, slug = pings.new_ping_key(stack, account), secrets.token_hex(8)
    check_refused(ping(stack, f"{key}/{slug}"), 404)
    gateway = stack.of("gateway")[0]
    wait.until(lambda: any(line["path"] == f"/ping/pk_{'*' * (len(key) - 3)}/{slug}" for line in gateway.lines("request")),
               5, "the request is logged")
    assert key not in gateway.log.read_text()


def test_a_ping_key_that_was_replaced_takes_nothing_from_the_new_one(stack):
    """Behind one address are machines that have the old key, and more often than that is looked up."""
    account = pings.account_of(stack, stack.account())
    old = pings.new_ping_key(stack, account)
    pings.new_check(stack, account, "a")
    new = pings.new_ping_key(stack, account)
    for number in range(150):
        check_refused(ping(stack, f"{old}/machine-{number}"), 404)
    check_stored(ping(stack, f"{new}/a"))


def test_no_slug_is_unknown_while_postgresql_hangs(stack):
    account = pings.account_of(stack, stack.account("business"))
    key = pings.new_ping_key(stack, account)
    paths = [f"{key}/job-{number}" for number in range(100)]
    for number in range(100):
        pings.new_check(stack, account, f"job-{number}")
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        with stack.postgres.connect() as locked, locked.transaction():
            locked.execute("LOCK TABLE ping_keys IN ACCESS EXCLUSIVE MODE")
            answers = list(pool.map(lambda path: ping(stack, path), paths))
        for each in answers:
            check_refused(each, 503)
            assert each.headers["retry-after"] == "1"
        for each in pool.map(lambda path: ping(stack, path), paths):
            check_stored(each)


def checks_of(api) -> list[dict]:
    answer = api.get("/api/v1/checks")
    assert answer.status_code == 200, answer.text
    return answer.json()["checks"]


def test_a_slug_that_makes_its_check(stack, business):
    key = business.post("/api/v1/ping-key/rotate").json()["ping_key"]
    for path in (f"{key}/new-job", f"{key}/new-job?create=0"):
        check_refused(ping(stack, path), 404)
    check_refused(ping(stack, f"{key}/new-job?create=yes"), 400)
    assert checks_of(business) == []
    check_stored(ping(stack, f"{key}/new-job/start?create=1"))
    (made,) = checks_of(business)
    assert (made["name"], made["slug"], made["period"], made["grace"]) == ("new-job", "new-job", 3600, 300)
    check_stored(ping(stack, f"{key}/new-job?create=1", gateway=1))
    wait.until(lambda: checks_of(business)[0]["ping_count"] == 2, 5, "both pings count")
    assert checks_of(business)[0]["status"] == "up"
    # A check that was deleted is made again.
    assert business.delete(f"/api/v1/checks/{made['id']}").status_code == 200
    for gateway in (0, 1):
        wait.until(lambda: ping(stack, f"{key}/new-job", gateway=gateway).status_code == 404, 5, "the check is gone")
    check_stored(ping(stack, f"{key}/new-job?create=1"))
    (again,) = checks_of(business)
    assert again["id"] != made["id"]
    wait.until(lambda: checks_of(business)[0]["ping_count"] == 1, 5, "the ping counts")


def test_slugs_that_make_their_checks_at_once(stack, business):
    """Many pings of one slug make one check; each of them counts."""
    key = business.post("/api/v1/ping-key/rotate").json()["ping_key"]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: ping(stack, f"{key}/burst?create=1&rid={number}", gateway=number % 2),
                                range(20)))
    for answer in answers:
        check_stored(answer)
    (made,) = checks_of(business)
    wait.until(lambda: checks_of(business)[0]["ping_count"] == 20, 5, "every ping counts")
    assert made["slug"] == "burst"


def test_a_slug_beyond_the_plan(stack, api):
    """The leader's refusal is passed on."""
    account = pings.account_of(stack, api)
    key = pings.new_ping_key(stack, account)
    limit = stack.postgres.query("SELECT checks FROM plans WHERE name = 'free'")[0][0]
    for number in range(limit):
        check_stored(ping(stack, f"{key}/job-{number}?create=1"))
    answer = ping(stack, f"{key}/one-more?create=1")
    check_refused(answer, 403)
    check_stored(ping(stack, f"{key}/job-0?create=1"))


def test_a_client_that_leaves(stack, check):
    for number in range(20):
        with socket.create_connection(("127.0.0.1", stack.port())) as left:
            left.sendall(request("GET", f"/ping/{check.name}?rid={number}"))
    check_stored(ping(stack, check.name, params={"rid": "last"}))
    wait.until(lambda: len(of(stack, check)) == 21, 5, "pings of clients that left count")


def test_only_what_fails_is_in_the_log(stack, check):
    def lines(name: str) -> list[dict]:
        return [line for line in stack.of("gateway")[0].lines("request") if line["request"] == name]
    name = f"find-{check.id}"
    check_stored(ping(stack, check.name, headers={"X-Request-Id": name}))
    ping(stack, "abc123", headers={"X-Request-Id": name})
    assert [(line["status"], line["path"]) for line in lines(name)] == [(404, "/ping/abc123")]


# --- stacks of their own ---


def single(make_stack, **options):
    """A stack without what pings do not need, an account of it, and its gateway."""
    stack = make_stack(dispatchers=0, mailer=False, **options)
    stack.postgres.query("INSERT INTO accounts (id, email, plan, key_hash, created_at) "
                         "VALUES (1, 'a@example.com', 'free', '\\x00', now())")
    return stack, stack.of("gateway")[0]


def wait_database(gateway, connected: bool) -> None:
    wait.until(lambda: gateway.metric("croncoco_database_connected") == connected, 10,
               f"the gateway's connection to PostgreSQL is {connected}")


def test_the_client_behind_a_proxy(make_stack):
    stack, _ = single(make_stack, TRUSTED_PROXIES="127.0.0.0/8")
    check = pings.new_check(stack, 1)
    for address in ("203.0.113.7", "2001:db8::1:2:3:4"):
        check_stored(ping(stack, check.name, headers={"X-Forwarded-For": f"198.51.100.1, {address}"}))
    assert [each.source for each in of(stack, check)] == ["203.0.113.7", "2001:db8::1:2:3:4"]


def test_strangers_make_no_work(make_stack):
    stack, gateway = single(make_stack, TRUSTED_PROXIES="127.0.0.0/8")
    check = pings.new_check(stack, 1)
    check_stored(ping(stack, check.name))

    def lookups() -> float:
        return gateway.metric("croncoco_check_queries_total")
    before, count = lookups(), 1000
    forged = [check_ids.check("invented", check_ids.draw()) for _ in range(count)]
    keys = [f"{check_ids.ping_key('invented', check_ids.draw())}/a" for _ in range(count)]
    with httpx.Client(base_url=stack.url(), timeout=60, trust_env=False) as stranger:
        stranger.headers["X-Forwarded-For"] = "203.0.113.9"
        began = time.monotonic()
        for name in forged + keys:
            assert stranger.get(f"/ping/{name}").json() == NOT_FOUND
        assert lookups() - before <= 62 + (time.monotonic() - began)  # a minute's worth, and what it gains
        # The same name again and again is no new one, and others are not held up.
        before, began = lookups(), time.monotonic()
        for _ in range(100):
            assert stranger.get(f"/ping/{forged[0]}").status_code == 404
        assert lookups() - before <= 2 + (time.monotonic() - began)
    check_stored(ping(stack, check.name))
    # Someone else may still look for a name from an earlier secret.
    check_stored(ping(stack, pings.new_check(stack, 1, secret="earlier").name, headers={"X-Forwarded-For": "203.0.113.10"}))


def test_names_that_are_known_are_not_looked_up(make_stack):
    stack, gateway = single(make_stack)
    made = [pings.new_check(stack, 1) for _ in range(20)]
    deleted = check_ids.check(stack.secret, check_ids.draw())
    for _ in range(3):
        for check in made:
            check_stored(ping(stack, check.name))
        assert ping(stack, deleted).status_code == 404
    assert gateway.metric("croncoco_check_queries_total") == 21


def test_without_postgresql_and_leader(make_stack):
    stack, gateway = single(make_stack)
    known, unknown = pings.new_check(stack, 1, "known"), pings.new_check(stack, 1, "unknown")
    earlier = pings.new_check(stack, 1, secret="earlier")
    key = pings.new_ping_key(stack, 1)
    check_stored(ping(stack, known.name))
    check_stored(ping(stack, f"{key}/known"))
    for scheduler in stack.of("scheduler"):
        scheduler.end()
    check_stored(ping(stack, unknown.name))
    stack.postgres.stop()
    wait_database(gateway, False)
    assert gateway.ready()
    never = check_ids.check(stack.secret, check_ids.draw())
    queries = gateway.metric("croncoco_check_queries_total")
    for name in (known.name, unknown.name, f"{key}/known", never):  # the leader drops what is not there
        check_stored(ping(stack, name))
    assert gateway.metric("croncoco_check_queries_total") == queries  # nobody waited for an answer
    check_refused(ping(stack, f"{key}/unknown"), 503)
    check_refused(ping(stack, earlier.name), 503)
    # Doubtful, for events may have been missed, and true until PostgreSQL says otherwise.
    stack.nats.stop(signal.SIGKILL)
    stack.nats.start()
    wait.until(lambda: ping(stack, known.name).status_code == 200, 10, "NATS is back")
    for name in (unknown.name, f"{key}/known"):
        check_stored(ping(stack, name))
    stack.postgres.start()
    wait_database(gateway, True)
    check_stored(ping(stack, f"{key}/unknown"))
    check_stored(ping(stack, earlier.name))
    assert ping(stack, never).status_code == 404


def test_postgresql_that_hangs(make_stack):
    stack, gateway = single(make_stack)
    known, unknown = pings.new_check(stack, 1), pings.new_check(stack, 1)
    check_stored(ping(stack, known.name))
    backends = stack.postgres.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'croncoco-gateway'")
    for (pid,) in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        before = gateway.metric("croncoco_check_lookups_total")
        check_stored(ping(stack, known.name))
        assert gateway.metric("croncoco_check_lookups_total") == before
        began = time.monotonic()
        check_stored(ping(stack, unknown.name))
        assert 0.4 < time.monotonic() - began < 3
        check_refused(ping(stack, check_ids.check("invented", check_ids.draw())), 503)
    finally:
        for (pid,) in backends:
            os.kill(pid, signal.SIGCONT)


def test_an_event_that_was_missed(make_stack):
    """The check was deleted while the gateway had no connection to NATS."""
    stack, _ = single(make_stack, schedulers=1)
    check = pings.new_check(stack, 1)
    check_stored(ping(stack, check.name))
    stack.postgres.query("DELETE FROM checks WHERE id = %s", check.id)
    check_stored(ping(stack, check.name))
    stack.nats.stop(signal.SIGKILL)
    stack.nats.start()
    wait.until(lambda: ping(stack, check.name).status_code == 404, 10, "the check is looked up again")


def test_without_nats(make_stack):
    stack, gateway = single(make_stack)
    check = pings.new_check(stack, 1)
    check_stored(ping(stack, check.name, params={"rid": "before"}))
    stack.nats.stop(signal.SIGKILL)
    began = time.monotonic()
    check_refused(ping(stack, check.name, params={"rid": "lost"}), 503)
    assert 3 < time.monotonic() - began < 5.5
    # One that waits is stored when NATS is back in time.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waited = pool.submit(ping, stack, check.name, params={"rid": "waited"})
        time.sleep(1)
        stack.nats.start()
        check_stored(waited.result())
    assert [each.rid for each in of(stack, check)] == ["before", "waited"]
    assert gateway.metric("croncoco_pings_waiting") == 0


def test_a_stream_that_is_not_there(make_stack):
    """A NATS without data: the leader makes the streams, and pings wait for that."""
    stack, _ = single(make_stack)
    check = pings.new_check(stack, 1)
    with stack.nats.client() as nats:
        assert nats.request("$JS.API.STREAM.DELETE.PINGS")["success"]
    check_refused(ping(stack, check.name), 503)


def test_nats_that_stands_still(make_stack):
    """Nothing is answered meanwhile; published again and again, a ping is stored once."""
    stack, gateway = single(make_stack)
    check = pings.new_check(stack, 1)
    check_stored(ping(stack, check.name, params={"rid": "before"}))
    stack.nats.process.send_signal(signal.SIGSTOP)
    going = threading.Timer(2.5, stack.nats.process.send_signal, [signal.SIGCONT])
    going.start()
    answer = ping(stack, check.name, params={"rid": "slow"})
    going.join()
    check_stored(answer)
    wait.until(lambda: gateway.metric("croncoco_pings_waiting") == 0, 10, "nothing waits")
    check_stored(ping(stack, check.name, params={"rid": "after"}))
    assert [each.rid for each in of(stack, check)] == ["before", "slow", "after"]


class PingLoad:
    """Pings over and over, each with a rid of its own; what was answered is on record."""

    def __init__(self, port: int, names: list[str], connections: int = 32):
        self.port, self.names, self.connections = port, names, connections
        self.answers: dict[str, int] = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(30)
        assert not self.thread.is_alive(), "pings are still waiting for their answers"

    async def _run(self):
        await asyncio.gather(*(self._work(number) for number in range(self.connections)))

    async def _work(self, number: int):
        line, count = await Line(self.port).open(), 0
        while not self.stopping.is_set():
            count += 1
            rid = f"{number}-{count}"
            line.writer.write(request("GET", f"/ping/{self.names[count % len(self.names)]}?rid={rid}"))
            try:
                self.answers[rid] = (await line.read(time.time())).status
            except ConnectionRefusedError:
                return  # the gateway has gone
            if self.answers[rid] != 200:
                await asyncio.sleep(0.05)


def check_each_once(stack, load: PingLoad, unanswered: int = 0) -> None:
    """So many more may be stored, whose answers nobody saw."""
    counts = collections.Counter(each.rid for each in pings.stored(stack))
    well = [rid for rid, status in load.answers.items() if status == 200]
    assert len(well) > 1000
    assert [rid for rid in well if counts[rid] != 1] == []
    assert [rid for rid, count in counts.items() if count > 1] == []
    assert len(set(counts) - set(load.answers)) <= unanswered


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "stop"])
def test_nats_restarts_under_load(make_stack, how):
    """Whatever got 200 is there, once; also what was published again after it had been stored."""
    stack, gateway = single(make_stack)
    names = [pings.new_check(stack, 1).name for _ in range(10)]
    with PingLoad(stack.port(), names) as load:
        for _ in range(3):
            time.sleep(1.5)
            stack.nats.stop(how)
            time.sleep(0.3)
            stack.nats.start()
        time.sleep(2)
    check_each_once(stack, load)
    assert gateway.metric("croncoco_ping_messages_total") > 0


def test_a_gateway_that_is_stopped_under_load(make_stack):
    """It answers what it took; what came too late finds no connection, and is not there."""
    stack, gateway = single(make_stack)
    names = [pings.new_check(stack, 1).name for _ in range(10)]
    stack.add("gateway").wait_ready()
    with PingLoad(stack.port(0), names, 16) as load:
        time.sleep(1)
        threading.Timer(0.5, load.stopping.set).start()
        assert gateway.end(signal.SIGTERM) == 0
        load.stopping.set()
        load.thread.join(10)
    assert 503 not in load.answers.values()
    check_each_once(stack, load, unanswered=load.connections)  # the last one of each may go with the gateway


def test_what_was_stored_becomes_history(make_stack):
    stack = make_stack(gateways=0, schedulers=0, dispatchers=0, mailer=False, TRUSTED_PROXIES="127.0.0.0/8")
    stack.postgres.query("INSERT INTO accounts (id, email, plan, key_hash, created_at) "
                         "VALUES (1, 'a@example.com', 'free', '\\x00', now())")
    check, deleted = pings.new_check(stack, 1), check_ids.check(stack.secret, check_ids.draw())
    for program in ("scheduler", "gateway"):  # the leader reads the checks as it begins
        stack.add(program).wait_ready()
    body = os.urandom(BODY_KEPT + 1)
    proxied = {"X-Forwarded-For": "2001:db8::7"}
    for path, method, options in (("", "GET", {}), ("/start?rid=r1", "HEAD", {}), ("/7?rid=r1", "POST", {"content": body}),
                                  ("/log", "POST", {"content": b"", "headers": proxied})):
        assert ping(stack, check.name + path, method, **options).status_code == 200
    stack.postgres.stop()  # a ping of a check that is not there is taken where nobody can tell
    wait_database(stack.of("gateway")[0], False)
    check_stored(ping(stack, deleted))
    stack.postgres.start()
    wait_database(stack.of("gateway")[0], True)
    for _ in range(5):
        check_stored(ping(stack, check.name + "/log"))

    def rows() -> list[tuple]:
        return stack.postgres.query("SELECT type, method, exit_code, host(source_ip), rid, body FROM pings ORDER BY id")
    wait.until(lambda: len(rows()) >= 9, 20, "every ping has its row")
    assert rows() == [
        ("success", "GET", None, "127.0.0.1", None, None),
        ("start", "HEAD", None, "127.0.0.1", "r1", None),
        ("fail", "POST", 7, "127.0.0.1", "r1", body[-BODY_KEPT:]),
        ("log", "POST", None, "2001:db8::7", None, None),
    ] + 5 * [("log", "GET", None, "127.0.0.1", None, None)]


def resident_mib(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def test_large_bodies_are_bounded_together(make_stack):
    """Hundreds of clients that each send a megabyte and no end of it."""
    stack, gateway = single(make_stack)
    check = pings.new_check(stack, 1)
    check_stored(ping(stack, check.name))
    before = resident_mib(gateway.pid)
    head = f"POST /ping/{check.name} HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_MAX}\r\n\r\n".encode()
    clients = []
    for _ in range(400):
        client = socket.create_connection(("127.0.0.1", stack.port()), 20)
        clients.append(client)
        try:
            client.sendall(head + b"x" * (BODY_MAX - 1))
        except OSError:
            pass  # it was among those that are too many
        assert resident_mib(gateway.pid) - before < 400
    check_stored(ping(stack, check.name))
    kept = 0
    for client in clients:
        try:
            client.sendall(b"x")
            kept += client.recv(12) == b"HTTP/1.1 200"
        except OSError:
            pass
        client.close()
    assert 20 < kept < 130
    assert len(of(stack, check)) >= kept + 2  # one that was whole as it was broken off counts, too


def test_errors_are_json(stack, check):
    """Also those that are given before the path is looked at."""
    with Connection(stack.port()) as connection:
        connection.send(request("GET", f"/ping/{check.name}", "Host: other"))
        status, headers, body = connection.answer()
        assert (status, headers["content-type"], list(json.loads(body))) == (400, "application/json", ["error"])
