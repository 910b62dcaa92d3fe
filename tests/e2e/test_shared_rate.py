"""The rate of an account on /api/v1: the same over all gateways, to the request."""

import collections
import concurrent.futures
import contextlib
import json
import signal
import time

import pytest

import shapes
import wait
from raw_http import Connection, request

PATH = "/api/v1/webhook-secret"
LIMIT = 60


@pytest.fixture(scope="module")
def rated(request):
    """Two gateways with the documented limit."""
    import conftest
    import stack
    started = conftest.run_stack(request, stack.Stack(gateways=2, dispatchers=0, API_RATE_PER_MINUTE=str(LIMIT)))
    yield next(started)
    next(started, None)


@pytest.fixture
def pro(rated):
    api = rated.account("pro")
    yield api
    api.close()


def send(stack, gateway: int, key: str, count: int) -> list[tuple[int, dict, dict]]:
    with Connection(stack.port(gateway)) as connection:
        answers = []
        for _ in range(count):
            status, headers, body = connection.send(request("GET", PATH, f"Authorization: Bearer {key}")).answer()
            answers.append((status, headers, json.loads(body)))
        return answers


def wait_counted_together(stack, count: int = 2) -> None:
    """Until every gateway decides by what it reads back."""
    api = stack.account("pro")

    def together():
        before = [each.metric("croncoco_rate_alone_total") for each in stack.of("gateway")]
        for gateway in range(count):
            send(stack, gateway, api.key, 1)
        return before == [each.metric("croncoco_rate_alone_total") for each in stack.of("gateway")]
    wait.until(together, 20, "gateways to count together")
    api.close()


def check_refusal(status: int, headers: dict, body: dict) -> None:
    assert status == 429
    assert list(body) == ["error", "retry_after"] and body["error"] == "Rate limit exceeded"
    left_s = 60 - time.time() % 60
    assert headers["retry-after"] == str(body["retry_after"]) and abs(body["retry_after"] - left_s) <= 2
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == (str(LIMIT), "0")


def test_one_after_the_other_over_both(rated, pro):
    wait_counted_together(rated)
    wait.clear_of_minute(15)
    answers = []
    for i in range(80):
        answers += send(rated, i % 2, pro.key, 1)
    assert [status for status, *_ in answers] == [200] * LIMIT + [429] * 20
    assert [int(headers["x-ratelimit-remaining"]) for _, headers, _ in answers[:LIMIT]] == list(range(LIMIT))[::-1]
    for answer in answers[LIMIT:]:
        check_refusal(*answer)


def test_many_at_once_over_both(rated, pro):
    wait_counted_together(rated)
    for _ in range(3):
        with contextlib.closing(rated.account("pro")) as api:
            wait.clear_of_minute(20)
            minute = time.time() // 60
            send(rated, 0, api.key, 1), send(rated, 1, api.key, 1)  # the key is looked up
            wait.clear_of_minute(15)
            used = 2 if time.time() // 60 == minute else 0
            with concurrent.futures.ThreadPoolExecutor(80) as pool:
                done = list(pool.map(lambda i: send(rated, i % 2, api.key, 1)[0], range(80)))
            counts = collections.Counter(status for status, *_ in done)
            assert counts == {200: LIMIT - used, 429: 20 + used}
            left = sorted(int(headers["x-ratelimit-remaining"]) for status, headers, _ in done if status == 200)
            assert left == list(range(LIMIT - used))


def test_accounts_have_rates_of_their_own(rated, pro):
    wait.clear_of_minute(10)
    assert send(rated, 0, pro.key, LIMIT + 1)[-1][0] == 429
    with contextlib.closing(rated.account("pro")) as other:
        assert send(rated, 0, other.key, 1)[0][0] == 200


def test_all_keys_of_an_account_share_it(rated, pro):
    wait.clear_of_minute(10)
    rated.postgres.query("INSERT INTO check_keys SELECT id, sha256('cpk_second'), now() FROM accounts WHERE email = %s",
                         pro.address)
    assert send(rated, 0, pro.key, LIMIT)[-1][0] == 200
    assert send(rated, 1, "cpk_second", 1)[0][0] == 429


def test_refused_requests_count_too(rated):
    """Plan and fields are looked at behind the count."""
    with contextlib.closing(rated.account()) as free:
        wait.clear_of_minute(10)
        statuses = [status for status, *_ in send(rated, 0, free.key, LIMIT + 1)]
        assert statuses == [403] * LIMIT + [429]


def test_the_other_api_is_not_counted(rated, pro):
    wait.clear_of_minute(10)
    assert send(rated, 0, pro.key, LIMIT + 1)[-1][0] == 429
    answer = pro.get("/webhook-secret")
    assert answer.status_code == 200 and "x-ratelimit-limit" not in answer.headers


def test_the_next_minute_is_a_new_one(rated, pro):
    wait.clear_of_minute(8)
    status, headers, _ = send(rated, 0, pro.key, LIMIT + 1)[-1]
    assert status == 429
    time.sleep(int(headers["retry-after"]))
    status, headers, _ = send(rated, 1, pro.key, 1)[0]
    assert (status, headers["x-ratelimit-remaining"]) == (200, str(LIMIT - 1))


def test_a_gateway_that_starts_knows_what_was_used(make_stack):
    stack = make_stack(gateways=1, dispatchers=0, API_RATE_PER_MINUTE=str(LIMIT))
    wait_counted_together(stack, 1)
    api = stack.account("pro")
    wait.clear_of_minute(20)
    assert send(stack, 0, api.key, LIMIT)[-1][0] == 200
    stack.of("gateway")[0].end(signal.SIGKILL)
    stack.of("gateway")[0].start().wait_ready()
    wait_counted_together(stack, 1)
    status, headers, body = send(stack, 0, api.key, 1)[0]
    check_refusal(status, headers, body)


def test_without_nats_each_gateway_counts_by_itself(make_stack):
    stack = make_stack(gateways=2, dispatchers=0, API_RATE_PER_MINUTE=str(LIMIT))
    wait_counted_together(stack)
    api = stack.account("pro")
    for gateway in (0, 1):
        send(stack, gateway, api.key, 1)
    stack.nats.stop()
    wait.clear_of_minute(20)
    for gateway in (0, 1):
        begin = time.monotonic()
        statuses = collections.Counter(status for status, *_ in send(stack, gateway, api.key, LIMIT + 10))
        assert time.monotonic() - begin < 3
        assert set(statuses) == {200, 429} and LIMIT - 2 <= statuses[200] <= LIMIT
    stack.nats.start()
    wait.until(lambda: all(each.ready() for each in stack.of("gateway")), 20, "gateways are ready again")
    wait_counted_together(stack)


def test_a_stream_that_takes_nothing_delays_nobody(make_stack):
    stack = make_stack(gateways=1, dispatchers=0, API_RATE_PER_MINUTE=str(LIMIT))
    wait_counted_together(stack, 1)
    api = stack.account("pro")
    with stack.nats.client() as nats:
        assert nats.request("$JS.API.STREAM.DELETE.RATES")["success"] is True
    wait.clear_of_minute(15)
    begin = time.monotonic()
    statuses = [status for status, *_ in send(stack, 0, api.key, LIMIT + 5)]
    assert statuses == [200] * LIMIT + [429] * 5
    assert time.monotonic() - begin < 3  # the first one waits, those after it do not
