"""Accounts: registration, rotation of the key, deletion, and what strangers can learn from them."""

import re
import secrets

import httpx
import pytest

import client
import shapes
import wait

REQUESTS = ["/register", "/request-key-rotation", "/account/delete-request"]


def answer_bytes(answer: httpx.Response) -> tuple:
    """All that a client sees, but for what differs by nature."""
    own = ("date", "x-request-id")
    headers = [(name, value) for name, value in answer.headers.multi_items() if name not in own]
    return answer.status_code, headers, answer.content


def test_the_mail_is_complete(anonymous, stack):
    address = client.new_address()
    anonymous.post("/register", json={"email": address})
    (message,) = stack.mail.wait(address)
    assert message["To"] == address
    assert message["From"] == "CronCoco <mail@example.net>"
    assert message["Subject"] and message["Date"] and message["Message-ID"]
    assert message["Message-ID"].endswith("@example.net>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    token = client.token_in(message)
    assert "15 minutes" in client.text_of(message)
    assert "curl -X POST https://api.croncoco.io/verify-email" in client.text_of(message)
    assert token in client.html_of(message)
    assert not message.defects


def test_a_key_has_the_documented_form_and_works(anonymous):
    anonymous.register()
    assert re.fullmatch(r"coco_[0-9A-Za-z]{32,}", anonymous.key)
    assert anonymous.get("/account").json() == {"email": anonymous.address, "plan": "free",
                                                "failure_email_enabled": True}


def test_a_token_works_once(anonymous):
    token = anonymous.request_token("/register", client.new_address())
    assert anonymous.post("/verify-email", json={"token": token}).status_code == 200
    shapes.check_error(anonymous.post("/verify-email", json={"token": token}), 400, "token")


def test_a_lost_answer_can_be_asked_for_again(anonymous):
    token = anonymous.request_token("/register", client.new_address())
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first = anonymous.post("/verify-email", json={"token": token}, headers=headers)
    again = anonymous.post("/verify-email", json={"token": token}, headers=headers)
    assert first.status_code == 200 and answer_bytes(first) == answer_bytes(again)


@pytest.mark.parametrize("path", ["/verify-email", "/rotate-key"])
@pytest.mark.parametrize("token", ["", "x", "token-from-email", "0" * 65, "Z" * 79, "ä" * 40, "a" * 5000])
def test_a_forged_token_is_refused(anonymous, path, token):
    shapes.check_error(anonymous.post(path, json={"token": token}), 400, "token")


def test_a_token_serves_its_own_purpose_only(anonymous):
    address = client.new_address()
    verify = anonymous.request_token("/register", address)
    shapes.check_error(anonymous.post("/rotate-key", json={"token": verify}), 400, "token")
    deletion = {"email": address, "token": verify}
    shapes.check_error(anonymous.request("DELETE", "/account", json=deletion), 400, "token")
    assert anonymous.post("/verify-email", json={"token": verify}).status_code == 200


def test_a_token_expires_after_15_minutes(anonymous, stack):
    address = client.new_address()
    token = anonymous.request_token("/register", address)
    ((lifetime,),) = stack.postgres.query(
        "SELECT extract(epoch FROM expires_at - created_at)::int FROM tokens WHERE email = %s", address)
    assert lifetime == 15 * 60
    stack.postgres.query("UPDATE tokens SET expires_at = now() - interval '1 second' WHERE email = %s",
                         address)
    shapes.check_error(anonymous.post("/verify-email", json={"token": token}), 400, "token")


@pytest.mark.parametrize("path", REQUESTS)
def test_known_and_unknown_addresses_get_the_same_answer(api, anonymous, path):
    known = anonymous.post(path, json={"email": api.address})
    unknown = anonymous.post(path, json={"email": client.new_address()})
    assert known.status_code == 200
    assert answer_bytes(known) == answer_bytes(unknown)


def test_registering_a_known_address_leaves_the_account_alone(api, stack):
    before = len(stack.mail.to(api.address))
    api.post("/register", json={"email": api.address})
    message = stack.mail.wait(api.address, before + 1)[-1]
    assert not client.TOKEN.findall(client.text_of(message))
    assert "request-key-rotation" in client.text_of(message)
    assert api.get("/account").status_code == 200


def test_no_mail_goes_to_an_address_without_an_account(anonymous, api, stack):
    stranger = client.new_address()
    anonymous.post("/request-key-rotation", json={"email": stranger})
    anonymous.post("/account/delete-request", json={"email": stranger})
    anonymous.request_token("/request-key-rotation", api.address)  # later, and here already
    assert stack.mail.to(stranger) == []


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("body", [
    {}, {"email": ""}, {"email": None}, {"email": 1}, {"email": ["a@example.com"]},
    {"email": "no-at.example.com"}, {"email": "@example.com"}, {"email": "a@"}, {"email": "a@b@c.d"},
    {"email": "a b@example.com"}, {"email": "a@example.com\r\nBcc: b@example.com"},
    {"email": "a" * 250 + "@b.co"}, {"email": "a@example.com\u0000"}])
def test_what_is_no_address_is_refused(anonymous, path, body):
    words = [] if "\0" in str(body.get("email")) else ["email"]  # a NUL is refused before any field is looked at
    shapes.check_error(anonymous.post(path, json=body), 400, *words)


def test_case_and_space_of_an_address_do_not_make_another_account(anonymous, stack):
    address = client.new_address()
    anonymous.register(address)
    anonymous.post("/register", json={"email": address.upper()})
    assert not client.TOKEN.findall(client.text_of(stack.mail.wait(address, 2)[-1]))


def test_one_address_gets_five_mails_an_hour(anonymous, api, stack):
    for address in (api.address, client.new_address()):  # known ones and others alike
        answers = [anonymous.post("/request-key-rotation", json={"email": address}) for _ in range(6)]
        limited = [answer for answer in answers if answer.status_code != 200]
        assert limited and answers[0].status_code == 200
        for answer in limited:
            shapes.check_error(answer, 429)
            assert 1 <= int(answer.headers["retry-after"]) <= 3600
    assert len(stack.mail.to(api.address)) <= 5


def test_one_client_is_limited_and_others_are_not(stack, api):
    gateway = stack.add("gateway", CLIENT_RATE_PER_MINUTE="3", TRUSTED_PROXIES="127.0.0.1/32").wait_ready()
    url = f"http://127.0.0.1:{gateway.variables['PORT']}"
    try:
        def register(forwarded: str) -> httpx.Response:
            return client.request("POST", f"{url}/register", json={"email": client.new_address()},
                                  headers={"X-Forwarded-For": forwarded})
        answers = [register("198.51.100.7") for _ in range(5)]
        assert [answer.status_code for answer in answers[:3]] == [200] * 3
        shapes.check_error(answers[4], 429)
        assert 1 <= int(answers[4].headers["retry-after"]) <= 60
        assert register("198.51.100.8").status_code == 200
        assert register("198.51.100.8, 198.51.100.7").status_code == 429  # only the nearest is believed
        with_key = {"Authorization": f"Bearer {api.key}", "X-Forwarded-For": "198.51.100.7"}
        assert client.request("GET", f"{url}/account", headers=with_key).status_code == 200
    finally:
        gateway.end()
        stack.processes.remove(gateway)


def test_rotation_ends_the_old_key_at_once_on_every_gateway(stack, api):
    other = stack.api(gateway=1, key=api.key)
    assert api.get("/account").status_code == other.get("/account").status_code == 200  # both know it
    token = api.request_token("/request-key-rotation", api.address)
    answer = api.post("/rotate-key", json={"token": token})
    new_key = answer.json()["api_key"]
    wait.until(lambda: other.get("/account").status_code == 401, 1, "the other gateway refuses the old key")
    shapes.check_error(api.get("/account"), 401)
    for gateway in (0, 1):
        assert stack.api(gateway, new_key).get("/account").status_code == 200


def test_deletion_removes_everything(stack, business):
    job = business.create_job()["id"]
    stack.postgres.query(
        "INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status, "
        "response_code, duration_ms, attempts, version, timeout_seconds) VALUES "
        "(%s, date_trunc('minute', now()), 0, now(), now(), 'success', 200, 1, 1, 1, 30)", job)
    assert len(business.executions(job)) == 1
    other = stack.api(gateway=1, key=business.key)
    assert other.get("/jobs").status_code == 200

    token = business.request_token("/account/delete-request", business.address)
    wrong = {"email": client.new_address(), "token": token}
    shapes.check_error(business.request("DELETE", "/account", json=wrong), 400)
    answer = business.request("DELETE", "/account", json={"email": business.address, "token": token})
    assert (answer.status_code, answer.content) == (204, b"")

    wait.until(lambda: other.get("/jobs").status_code == 401, 1, "the other gateway refuses the key")
    shapes.check_error(business.get("/jobs"), 401)
    for table, column, value in (("accounts", "email", business.address), ("jobs", "id", job)):
        assert stack.postgres.query(f"SELECT * FROM {table} WHERE {column} = %s", value) == []
    wait.until(lambda: not stack.postgres.query("SELECT 1 FROM executions WHERE job_id = %s", job), 10,
               "the history is gone")

    again = stack.api().register(business.address)
    assert again.get("/jobs").json() == [] and again.get("/account").json()["plan"] == "free"


@pytest.mark.parametrize("authorization", [
    None, "", "Bearer", "Basic dXNlcjpwYXNz", "Bearer coco_", "Bearer other_key",
    "Bearer coco_" + "a" * 43, "Bearer coco_" + "a" * 4000, "coco_" + "a" * 43])
def test_without_a_valid_key_there_is_no_account(anonymous, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = anonymous.get("/jobs", headers=headers)
    shapes.check_error(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_key_is_nowhere_at_rest(stack, api):
    token = api.request_token("/request-key-rotation", api.address)
    for table in ("accounts", "tokens", "answers", "outbox"):
        rows = str(stack.postgres.query(f"SELECT * FROM {table}"))
        assert api.key not in rows and token not in rows
    for stored in stack.nats.directory.rglob("*"):
        if stored.is_file():
            content = stored.read_bytes()
            assert api.key.encode() not in content and token.encode() not in content


def test_set_plan(stack, api):
    assert "pro" in stack.set_plan(api.address, "pro").stdout
    assert api.get("/account").json()["plan"] == "pro"
    for address, plan in ((client.new_address(), "pro"), (api.address, "gold")):
        with pytest.raises(AssertionError):
            stack.set_plan(address, plan)
