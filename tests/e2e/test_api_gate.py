"""What every request under /api/v1 passes first: the form of errors, keys, plans."""

import contextlib
import hashlib
import json

import pytest

import client
import shapes
from raw_http import Connection, request

JSON = "Content-Type: application/json"
PATH = "/api/v1/webhook-secret"


@pytest.fixture
def pro(stack):
    api = stack.account("pro")
    yield api
    api.close()


def give_check_key(stack, api, key: str) -> None:
    stack.postgres.query("INSERT INTO check_keys SELECT id, %s, now() FROM accounts WHERE email = %s",
                         hashlib.sha256(key.encode()).digest(), api.address)


def with_key(key: str) -> dict:
    return {"Authorization": f"Bearer {key}"}


def test_errors_before_a_route_is_found(anonymous):
    for method, path, status in (("GET", "/api/v1", 404), ("GET", "/api/v1/", 404), ("POST", "/api/v1/nothing", 404),
                                 ("GET", "/api/v1/checks/x", 404), ("PUT", PATH, 405)):
        shapes.check_api_error(anonymous.request(method, path), status)
    for path in ("/ping", "/badge", "/ping/x/y/z/a"):
        shapes.check_error(anonymous.get(path), 404, member="error")
    for path in ("/api/v2/checks", "/api", "/pings", "/badges/1", "/API/V1/checks"):
        shapes.check_error(anonymous.get(path), 404)


def test_errors_of_the_request_itself(stack, pro):
    for size, status in ((65536, 400), (65537, 413), (10_000_000, 413)):
        answer = pro.post(PATH, content=b"x" * size, headers={"Content-Type": "application/json"})
        shapes.check_api_error(answer, status, "65536" if status == 413 else "")
    shapes.check_api_error(pro.post(PATH, content=b"{}"), 415, "application/json")
    shapes.check_api_error(pro.get(PATH, headers={"X-Large": "x" * 20_000}), 431)
    shapes.check_api_error(pro.post(PATH, content=b"{}", headers={"Expect": "a miracle"}), 417)
    for path, member in ((PATH, "error"), ("/webhook-secret", "detail")):
        with Connection(stack.port()) as connection:
            status, _, body = connection.send(request("POST", path, JSON, "Content-Length: 2", "Content-Length: 2",
                                                      body=b"{}")).answer()
            assert (status, list(json.loads(body))) == (400, [member])


def test_a_key_is_needed(anonymous):
    answer = anonymous.get(PATH)
    shapes.check_api_error(answer, 401, "cpk_")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-ratelimit-remaining"] == answer.headers["x-ratelimit-limit"]
    for wrong in ("cpk_" + "a" * 43, "coco_" + "a" * 43, "cpk_", "cpk_with-hyphens", "x"):
        shapes.check_api_error(anonymous.get(PATH, headers=with_key(wrong)), 401, "Invalid API key")


def test_the_key_of_the_account_is_good(pro):
    answer = pro.get(PATH)
    assert answer.status_code == 200 and answer.json()["active"] is False
    limit, left = (int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining"))
    assert limit - left >= 1


def test_a_key_for_checks_is_good_there_alone(stack, pro, anonymous):
    key = "cpk_" + hashlib.sha256(pro.key.encode()).hexdigest()[:43]
    shapes.check_api_error(anonymous.get(PATH, headers=with_key(key)), 401, "Invalid API key")
    give_check_key(stack, pro, key)
    assert anonymous.get(PATH, headers=with_key(key)).status_code == 200
    for method, path in (("GET", "/account"), ("GET", "/jobs"), ("POST", "/jobs"), ("POST", "/webhook-secret"),
                         ("GET", "/billing")):
        answer = anonymous.request(method, path, headers=with_key(key))
        shapes.check_error(answer, 401, "/api/v1", "coco_")


@pytest.mark.parametrize("plan, status", [("free", 403), ("starter", 403), ("pro", 200), ("business", 200)])
def test_plans(stack, plan, status):
    with contextlib.closing(stack.account(plan)) as api:
        answer = api.get(PATH)
        assert answer.status_code == status
        if status == 403:
            assert answer.json() == {"error": "API access requires a Pro or Business plan"}
            shapes.check_api_error(api.post(PATH), 403)
            assert api.get("/webhook-secret").status_code == 200


def test_a_change_of_plan_counts_at_once(stack, api):
    for gateway in (0, 1):
        with stack.api(gateway, api.key) as each:
            shapes.check_api_error(each.get(PATH), 403)
    stack.set_plan(api.address, "pro")
    for gateway in (0, 1):
        with stack.api(gateway, api.key) as each:
            assert each.get(PATH).status_code == 200
    stack.set_plan(api.address, "starter")
    for gateway in (0, 1):
        with stack.api(gateway, api.key) as each:
            shapes.check_api_error(each.get(PATH), 403)


def test_the_signing_secret_is_the_accounts(pro):
    shapes.check_api_error(pro.post(f"{PATH}/rotate"), 404, "secret")
    made = pro.post(PATH)
    assert made.status_code == 201 and made.json()["secret"].startswith("whsec_")
    shapes.check_api_error(pro.post(PATH), 409, "already")
    shapes.check_error(pro.post("/webhook-secret"), 409, "already")
    shapes.check_api_error(pro.post(PATH, json={"secret": "mine"}), 400, "Unknown field: secret")
    assert pro.get("/webhook-secret").json() == pro.get(PATH).json()
    rotated = pro.post(f"{PATH}/rotate")
    assert rotated.status_code == 200 and rotated.json()["secret"] != made.json()["secret"]
    assert pro.delete(PATH).status_code == 204
    assert pro.get(PATH).json()["active"] is False


def test_a_refusal_is_repeated_in_the_form_of_its_path(pro):
    """The leader keeps one answer; each API gives it its own form."""
    pro.post(PATH)
    key = {"Idempotency-Key": "again"}
    for _ in range(2):
        shapes.check_api_error(pro.post(PATH, headers=key), 409, "already")
    shapes.check_error(pro.post("/webhook-secret", headers=key), 409, "Idempotency-Key")


def test_idempotency_keys(pro):
    answers = [pro.post(PATH, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {201} and answers[0].text == answers[1].text
    shapes.check_api_error(pro.post(PATH, headers={"Idempotency-Key": ""}), 400, "Idempotency-Key")


def test_of_a_deleted_account(stack, anonymous):
    with contextlib.closing(stack.account("pro")) as api:
        assert api.get(PATH).status_code == 200
        token = anonymous.request_token("/account/delete-request", api.address)
        deleted = client.request("DELETE", f"{stack.url()}/account", json={"email": api.address, "token": token})
        assert deleted.status_code == 204
        shapes.check_api_error(api.get(PATH), 401)
