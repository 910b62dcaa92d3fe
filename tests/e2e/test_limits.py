"""What is full refuses visibly, and at once."""

import concurrent.futures
import signal

import httpx
import pytest

import client
import shapes
import wait
from raw_http import Connection, request

BODY = {"name": "x", "cron_expression": "0 * * * *", "webhook_url": "https://example.com/"}


@pytest.fixture
def narrow_gateway(stack):
    """Starts one more gateway with limits of its own: returns its base URL."""
    started = []

    def start(**variables: str) -> str:
        gateway = stack.add("gateway", **variables)
        started.append(gateway)
        return f"http://127.0.0.1:{gateway.wait_ready().variables['PORT']}"

    yield start
    for gateway in started:
        gateway.end(signal.SIGKILL)
        stack.processes.remove(gateway)


def at_once(count: int, send) -> list[httpx.Response]:
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: send(), range(count)))


def refused_at_once(answers: list[httpx.Response]) -> list[httpx.Response]:
    refused = [answer for answer in answers if answer.status_code == 503]
    for answer in refused:
        shapes.check_error(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
    return refused


def test_reads_that_wait_are_bounded(stack, api, narrow_gateway):
    url = narrow_gateway(READ_QUEUE_LIMIT="2", GATEWAY_DB_CONNECTIONS="1")
    headers = {"Authorization": f"Bearer {api.key}"}
    assert client.request("GET", f"{url}/jobs", headers=headers).status_code == 200
    with stack.postgres.connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        with concurrent.futures.ThreadPoolExecutor(80) as pool:
            sent = [pool.submit(client.request, "GET", f"{url}/jobs", headers=headers) for _ in range(80)]
            done, _ = concurrent.futures.wait(sent, 3)
            assert len(refused_at_once([each.result() for each in done])) >= 10
            blocker.execute("ROLLBACK")
    wait.until(lambda: client.request("GET", f"{url}/jobs", headers=headers).status_code == 200, 10, "reads go on")


def test_commands_that_wait_are_bounded(make_stack):
    stack = make_stack(dispatchers=0, COMMAND_LIMIT="5", COMMAND_TIMEOUT_MS="8000")
    api = stack.account()
    stack.of("scheduler")[0].pause()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        headers = {"Authorization": f"Bearer {api.key}"}
        sent = [pool.submit(client.request, "POST", f"{stack.url()}/jobs", json=BODY, headers=headers)
                for _ in range(20)]
        done, waiting = concurrent.futures.wait(sent, 1)
        assert (len(refused_at_once([each.result() for each in done])), len(waiting)) == (15, 5)
        stack.of("scheduler")[0].resume()
        assert {each.result().status_code for each in waiting} == {201}


def test_connections_are_bounded(stack, narrow_gateway):
    url = narrow_gateway(CONNECTION_LIMIT="20")
    port = int(url.rsplit(":", 1)[1])
    idle = [Connection(port) for _ in range(20)]
    try:
        for connection in idle:
            assert connection.send(request("GET", "/account")).answer()[0] == 401
        with Connection(port, 2) as late:
            try:
                late.send(request("GET", "/account"))
                assert late.answer()[0] in (0, 503)
            except (TimeoutError, ConnectionError):
                pass  # it may also wait in the listener's queue
        idle.pop().socket.close()

        def served() -> bool:
            with Connection(port) as next_one:
                return next_one.send(request("GET", "/account")).answer()[0] == 401
        wait.until(served, 5, "the place of the connection that ended is free")
    finally:
        for connection in idle:
            connection.socket.close()


@pytest.mark.parametrize("path, key", [("/jobs", "coco_"), ("/api/v1/checks", "cpk_"), ("/api/v1/checks", "coco_")])
def test_guessing_keys_is_slowed_down(stack, narrow_gateway, path, key):
    url = narrow_gateway()
    with client.Api(url, stack.mail) as guesser:
        for i in range(3000):  # on a slow machine some of the rate comes back meanwhile
            answer = guesser.get(path, headers={"Authorization": f"Bearer {key}{i:043d}"})
            if answer.status_code != 401:
                break
    assert answer.status_code == 429 and i >= 300
    assert list(answer.json()) == (["detail"] if path == "/jobs" else ["error", "retry_after"])
