"""The secrets that deliveries are signed with: made, rotated, deleted."""

import base64
import hashlib
import hmac
import re

import pytest

import shapes

SECRET = re.compile(r"whsec_[0-9A-Za-z+/]{43}=")
NONE = {"active": False, "created_at": None, "previous_expires_at": None}


def test_none_at_first(api):
    assert api.get("/webhook-secret").json() == NONE
    shapes.check_error(api.post("/webhook-secret/rotate"), 404, "secret")
    assert api.delete("/webhook-secret").status_code == 204
    assert api.head("/webhook-secret").status_code == 200


def test_made_once(stack, api):
    made = api.post("/webhook-secret")
    assert made.status_code == 201 and list(made.json()) == ["secret", "created_at"]
    assert SECRET.fullmatch(made.json()["secret"])
    assert api.get("/webhook-secret").json() == {
        "active": True, "created_at": made.json()["created_at"], "previous_expires_at": None}
    shapes.check_error(api.post("/webhook-secret", json={}), 409, "already")
    (stored,), = stack.postgres.query(
        "SELECT s.id FROM webhook_secrets s JOIN accounts a ON a.id = s.account_id WHERE a.email = %s", api.address)
    key = hmac.new(stack.signing_secret.encode(), b"webhook-secret" + bytes(stored), hashlib.sha256).digest()
    assert made.json()["secret"] == "whsec_" + base64.b64encode(key).decode()


def test_rotated(api):
    first = api.post("/webhook-secret").json()
    second = api.post("/webhook-secret/rotate")
    assert second.status_code == 200 and list(second.json()) == ["secret", "created_at", "previous_expires_at"]
    second = second.json()
    assert second["secret"] != first["secret"]
    assert shapes.parse_time(second["previous_expires_at"]) - shapes.parse_time(second["created_at"]) == 86400
    assert api.get("/webhook-secret").json() == {
        "active": True, "created_at": second["created_at"], "previous_expires_at": second["previous_expires_at"]}
    third = api.post("/webhook-secret/rotate").json()
    assert len({first["secret"], second["secret"], third["secret"]}) == 3


def test_two_are_valid_at_most(stack, api):
    api.post("/webhook-secret")
    for _ in range(3):
        assert api.post("/webhook-secret/rotate").status_code == 200
    assert stack.postgres.query("SELECT count(*) FROM webhook_secrets s JOIN accounts a ON a.id = s.account_id"
                                " WHERE a.email = %s AND (expires_at IS NULL OR expires_at > now())", api.address) == [(2,)]


def test_deleted_all_at_once(api):
    first = api.post("/webhook-secret").json()
    api.post("/webhook-secret/rotate")
    assert api.delete("/webhook-secret").status_code == 204
    assert api.get("/webhook-secret").json() == NONE
    again = api.post("/webhook-secret")
    assert again.status_code == 201 and again.json()["secret"] != first["secret"]


@pytest.mark.parametrize("path, status", [("/webhook-secret", 201), ("/webhook-secret/rotate", 200)])
def test_a_repeated_request_gets_the_same_secret(stack, api, path, status):
    if status == 200:
        api.post("/webhook-secret")
    answers = [api.post(path, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    with stack.api(gateway=1, key=api.key) as other:
        answers.append(other.post(path, headers={"Idempotency-Key": "once"}))
    assert {(answer.status_code, answer.text) for answer in answers} == {(status, answers[0].text)}


def test_two_accounts_have_two_secrets(stack, api):
    other = stack.account()
    mine, theirs = (each.post("/webhook-secret", headers={"Idempotency-Key": "same"}).json() for each in (api, other))
    assert mine["secret"] != theirs["secret"]
    assert api.delete("/webhook-secret").status_code == 204
    assert other.get("/webhook-secret").json()["active"] is True
    other.close()


def test_no_secret_is_at_rest_nor_in_a_log(stack, api):
    secret = api.post("/webhook-secret").json()["secret"]
    found = stack.postgres.query("SELECT count(*) FROM answers WHERE body LIKE %s", f"%{secret[6:20]}%")
    assert found == [(0,)]
    assert not any(secret[6:20] in each.log.read_text(errors="replace") for each in stack.processes)


def test_bodies(api):
    shapes.check_error(api.post("/webhook-secret", json={"secret": "mine"}), 400, "Unknown field: secret")
    shapes.check_error(api.post("/webhook-secret", content=b"{}"), 415)
    shapes.check_error(api.post("/webhook-secret/rotate", json=[]), 400)
    assert api.get("/webhook-secret").json() == NONE


def test_methods(api, anonymous):
    assert api.options("/webhook-secret").headers["allow"] == "GET, HEAD, POST, DELETE, OPTIONS"
    assert api.put("/webhook-secret").status_code == 405
    assert api.get("/webhook-secret/rotate").status_code == 405
    for path in ("/webhook-secret", "/webhook-secret/rotate"):
        assert anonymous.post(path).status_code == 401
