"""Idempotency-Key: the same request gets the same answer, whatever happened in between."""

import concurrent.futures
import secrets
import threading
import time

import shapes

BODY = {"name": "once", "cron_expression": "0 * * * *", "webhook_url": "https://example.com/"}


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(12)}


def test_the_same_key_gets_the_same_answer(stack, api):
    headers = key()
    first = api.post("/jobs", json=BODY, headers=headers)
    again = api.post("/jobs", json=BODY, headers=headers)
    elsewhere = stack.api(gateway=1, key=api.key).post("/jobs", json=BODY, headers=headers)
    assert first.status_code == 201
    for repeated in (again, elsewhere):
        assert (repeated.status_code, repeated.content) == (201, first.content)
    assert len(api.get("/jobs").json()) == 1


def test_the_answer_stays_though_the_job_is_gone(api):
    headers = key()
    first = api.post("/jobs", json=BODY, headers=headers)
    api.delete(f"/jobs/{first.json()['id']}")
    assert api.post("/jobs", json=BODY, headers=headers).content == first.content
    assert api.get("/jobs").json() == []


def test_a_refusal_is_repeated_too(api):
    headers = key()
    first = api.post("/jobs", json=BODY | {"cron_expression": "* * * * *"}, headers=headers)
    again = api.post("/jobs", json=BODY | {"cron_expression": "* * * * *"}, headers=headers)
    assert first.status_code == again.status_code == 400 and first.content == again.content


def test_another_request_with_the_same_key_is_refused(api):
    headers = key()
    job = api.post("/jobs", json=BODY, headers=headers).json()
    shapes.check_error(api.post("/jobs", json=BODY | {"name": "other"}, headers=headers), 409)
    shapes.check_error(api.patch(f"/jobs/{job['id']}", json={"name": "x"}, headers=headers), 409)
    assert [job["name"] for job in api.get("/jobs").json()] == ["once"]


def test_keys_belong_to_their_account(stack, api):
    headers = key()
    mine = api.post("/jobs", json=BODY, headers=headers)
    theirs = stack.account().post("/jobs", json=BODY | {"name": "theirs"}, headers=headers)
    assert mine.status_code == theirs.status_code == 201
    assert mine.json()["id"] != theirs.json()["id"]


def test_a_deletion_repeated_is_a_success(api):
    headers, job = key(), api.create_job()
    for _ in range(2):
        assert api.delete(f"/jobs/{job['id']}", headers=headers).status_code == 204


def test_a_key_must_be_printable_and_short(api):
    for value in ("", "x" * 1000, "caf\u00e9".encode()):
        shapes.check_error(api.post("/jobs", json=BODY, headers={"Idempotency-Key": value}), 400, "Idempotency-Key")


def test_many_at_once_make_one_job(stack, api):
    headers = key()

    def post(number: int):
        return stack.api(number % 2, api.key).post("/jobs", json=BODY, headers=headers)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(16)))
    done = [answer for answer in answers if answer.status_code == 201]
    assert done and {answer.content for answer in done} == {done[0].content}
    assert all(answer.status_code in (201, 409) for answer in answers)
    assert len(api.get("/jobs").json()) == 1


def test_the_answer_survives_the_leader_and_the_gateway(make_stack):
    stack = make_stack(gateways=1, schedulers=2, dispatchers=0)
    api, headers = stack.account(), key()
    first = api.post("/jobs", json=BODY, headers=headers)
    stack.leader().kill()
    gateway = stack.of("gateway")[0]
    gateway.kill()
    gateway.start().wait_ready()
    begin = time.monotonic()
    again = stack.api(key=api.key).post("/jobs", json=BODY, headers=headers)
    assert time.monotonic() - begin < 10
    assert (again.status_code, again.content) == (201, first.content)
    shapes.check_error(api.post("/jobs", json=BODY | {"name": "other"}, headers=headers), 409)


def test_a_late_answer_is_not_taken_for_another_request(make_stack):
    """A command that had to be sent several times is answered several times."""
    stack = make_stack(dispatchers=0, LEASE_TTL_MS="20000")
    api, headers = stack.account(), key()
    leader = stack.leader()
    leader.pause()
    threading.Timer(4, leader.resume).start()
    assert api.post("/jobs", json=BODY, headers=headers).status_code == 201
    shapes.check_error(api.post("/jobs", json=BODY | {"name": "other"}, headers=headers), 409)
