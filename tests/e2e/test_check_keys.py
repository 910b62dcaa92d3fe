"""Keys beside the account's own: the one for /api/v1, and the one in pings by name."""

import re

import pytest

import pings
import shapes

CHECKS = "/api/v1/checks"
PATH = "/account/check-key"
NONE = {"active": False, "created_at": None}


@pytest.fixture
def pro(stack):
    api = stack.account("pro")
    yield api
    api.close()


def status(stack, key: str, gateway: int = 0, path: str = CHECKS) -> int:
    with stack.api(gateway, key) as api:
        return api.get(path).status_code


def test_made_replaced_and_deleted(stack, pro):
    assert pro.get(PATH).json() == NONE
    made = pro.post(PATH)
    assert made.status_code == 201 and list(made.json()) == ["api_key"]
    first = made.json()["api_key"]
    assert re.fullmatch("cpk_[0-9A-Za-z]{43}", first)
    state = pro.get(PATH).json()
    assert state["active"] is True and shapes.parse_time(state["created_at"])
    assert [status(stack, first, gateway) for gateway in (0, 1)] == [200, 200]

    second = pro.post(PATH, json={}).json()["api_key"]
    assert second != first
    for gateway in (0, 1):  # at once, everywhere
        assert (status(stack, first, gateway), status(stack, second, gateway)) == (401, 200)

    assert pro.delete(PATH).status_code == 204
    assert [status(stack, second, gateway) for gateway in (0, 1)] == [401, 401]
    assert pro.get(PATH).json() == NONE
    assert pro.delete(PATH).status_code == 204


def test_it_is_good_for_checks_alone(stack, pro):
    key = pro.post(PATH).json()["api_key"]
    assert status(stack, key) == 200
    with stack.api(0, key) as api:
        for method, path in (("GET", "/account"), ("POST", PATH), ("GET", PATH), ("DELETE", PATH), ("GET", "/jobs"), ("GET", "/billing")):
            shapes.check_error(api.request(method, path), 401, "coco_")
        assert api.post(CHECKS, json={}).status_code == 201
    assert len(pro.get(CHECKS).json()["checks"]) == 1


def test_the_plan_counts_when_it_is_used(stack, api):
    key = api.post(PATH).json()["api_key"]
    assert status(stack, key) == 403
    stack.set_plan(api.address, "pro")
    assert status(stack, key) == 200


def test_a_repeated_request_gets_the_same_key(stack, pro):
    once = {"Idempotency-Key": "once"}
    answers = [pro.post(PATH, headers=once) for _ in range(2)]
    with stack.api(1, pro.key) as other:
        answers.append(other.post(PATH, headers=once))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert status(stack, answers[0].json()["api_key"]) == 200


def test_no_key_is_at_rest_nor_in_a_log(stack, pro):
    key = pro.post(PATH).json()["api_key"]
    assert status(stack, key) == 200
    assert stack.postgres.query("SELECT count(*) FROM answers WHERE body LIKE %s", f"%{key[4:20]}%") == [(0,)]
    assert not any(key[4:20] in each.log.read_text(errors="replace") for each in stack.processes)


def test_bodies_and_methods(pro, anonymous):
    shapes.check_error(pro.post(PATH, json={"name": "x"}), 400, "name")
    assert pro.options(PATH).headers["allow"] == "GET, HEAD, POST, DELETE, OPTIONS"
    assert anonymous.post(PATH).status_code == 401
    assert pro.get(PATH).json() == NONE


def test_ping_key(stack, pro):
    path = "/api/v1/ping-key"
    assert pro.get(path).json() == {"ping_key": None, "created_at": None}
    made = pro.post(f"{path}/rotate")
    assert made.status_code == 200 and list(made.json()) == ["ping_key", "created_at"]
    first = made.json()["ping_key"]
    assert re.fullmatch("pk_[0-9A-Za-z]{16}", first)
    assert pro.get(path).json() == made.json()

    check = pro.post(CHECKS, json={"slug": "nightly"}).json()["check"]
    assert pro.get(f"/ping/{first}/nightly").text == "OK"
    second = pro.post(f"{path}/rotate", json={}).json()["ping_key"]
    assert second != first and pro.get(path).json()["ping_key"] == second
    assert pro.get(f"/ping/{second}/nightly/start").text == "OK"
    assert pro.get(f"/ping/{first}/nightly").status_code == 404
    shapes.check_api_error(pro.post(f"{path}/rotate", json={"key": "x"}), 400, "key")
    assert [each.kind for each in pings.stored(stack) if check["id"] == each_name(stack, each.check)] == ["success", "start"]


def each_name(stack, number: int) -> str | None:
    found = stack.postgres.query("SELECT public_id FROM checks WHERE id = %s", number)
    return found[0][0] if found else None
