"""Channels of alerts: made, changed, verified, tested, deleted."""

import time

import pytest

import client
import shapes
import wait
from receiver import Answer

CHANNEL = ["id", "kind", "name", "target", "enabled", "verified", "created_at", "updated_at"]
URL = "https://example.com/alerts"
PATH = "/api/v1/channels"


@pytest.fixture
def pro(stack):
    api = stack.account("pro")
    yield api
    api.close()


def create(api, status: int = 201, **fields) -> dict:
    answer = api.post(PATH, json=fields)
    assert answer.status_code == status, answer.text
    channel = answer.json()["channel"]
    assert list(answer.json()) == ["channel"] and list(channel) == CHANNEL
    return channel


def test_a_new_account_has_its_address(pro):
    channel, = pro.get(PATH).json()["channels"]
    assert list(channel) == CHANNEL
    assert (channel["kind"], channel["target"], channel["enabled"], channel["verified"]) == ("email", pro.address, True, True)


@pytest.mark.parametrize("fields, shown", [
    ({"kind": "webhook", "target": URL}, {"name": "Webhook", "enabled": True, "verified": True}),
    ({"kind": "slack", "target": "https://hooks.slack.com/services/a/b/c", "name": "#ops"}, {"verified": True}),
    ({"kind": "webhook", "target": URL, "enabled": False}, {"name": "Webhook", "verified": True}),
    ({"kind": "email", "target": "Ops@Example.com"}, {"name": "E-mail", "target": "ops@example.com", "verified": False})])
def test_made_and_shown(pro, fields, shown):
    channel = create(pro, **fields)
    expected = fields | shown
    assert {name: channel[name] for name in expected} == expected
    assert abs(channel["created_at"] - time.time()) < 30 and channel["updated_at"] == channel["created_at"]
    assert pro.get(f"{PATH}/{channel['id']}").json() == {"channel": channel}
    assert pro.get(PATH).json()["channels"][1:] == [channel]


@pytest.mark.parametrize("fields, words", [
    ({"target": URL}, ["kind"]), ({"kind": "sms", "target": URL}, ["kind", "webhook, slack or email"]),
    ({"kind": 1, "target": URL}, ["kind"]), ({"kind": "webhook"}, ["target"]), ({"kind": "webhook", "target": 1}, ["target"]),
    ({"kind": "webhook", "target": "ftp://example.com/"}, ["target"]), ({"kind": "webhook", "target": "http://10.0.0.1/"}, ["target"]),
    ({"kind": "slack", "target": "http://169.254.169.254/"}, ["target"]),
    ({"kind": "webhook", "target": "https://example.com/" + "x" * 2030}, ["target", "2048"]),
    ({"kind": "email", "target": URL}, ["target"]), ({"kind": "email", "target": "nobody"}, ["target"]),
    ({"kind": "webhook", "target": URL, "name": ""}, ["name"]), ({"kind": "webhook", "target": URL, "name": "x" * 101}, ["name", "100"]),
    ({"kind": "webhook", "target": URL, "enabled": "yes"}, ["enabled"]),
    ({"kind": "webhook", "target": URL, "verified": True}, ["verified"])])
def test_refused_with_the_reason(pro, fields, words):
    shapes.check_api_error(pro.post(PATH, json=fields), 400, *words)
    assert len(pro.get(PATH).json()["channels"]) == 1


def test_changed(pro):
    channel = create(pro, kind="webhook", target=URL)
    path = f"{PATH}/{channel['id']}"
    for change in ({"name": "Operations"}, {"enabled": False}, {"target": URL + "/2"}, {"enabled": True, "name": "x"}):
        answer = pro.patch(path, json=change)
        assert answer.status_code == 200, answer.text
        channel |= change | {"updated_at": answer.json()["channel"]["updated_at"]}
        assert answer.json() == {"channel": channel}
    shapes.check_api_error(pro.patch(path, json={}), 400, "No field")
    shapes.check_api_error(pro.patch(path, json={"kind": "slack"}), 400, "kind")
    shapes.check_api_error(pro.patch(path, json={"target": "ops@example.com"}), 400, "target", "URL")
    shapes.check_api_error(pro.patch(path, json={"target": "http://10.0.0.1/"}), 400, "target")
    assert pro.get(path).json() == {"channel": channel}


def test_deleted(pro):
    channel = create(pro, kind="webhook", target=URL)
    path = f"{PATH}/{channel['id']}"
    assert pro.delete(path).json() == {"deleted": True}
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/request-token")):
        shapes.check_api_error(pro.request(method, path + action), 404, "Channel not found")
    shapes.check_api_error(pro.patch(path, json={"name": "x"}), 404, "Channel not found")
    assert len(pro.get(PATH).json()["channels"]) == 1


def test_those_of_others_do_not_exist(pro, business):
    channel = create(pro, kind="webhook", target=URL)
    path = f"{PATH}/{channel['id']}"
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/test")):
        shapes.check_api_error(business.request(method, path + action), 404, "Channel not found")
    shapes.check_api_error(business.post("/api/v1/checks", json={"channels": [channel["id"]]}), 400, "channels")
    assert pro.get(path).status_code == 200


@pytest.mark.parametrize("name", ["1", "ch_", "ch_1", "ch_01", "ch_000", "ch_0001", "ch_x", "CH_001", "ch_99999999999999999999"])
def test_ids_of_none(pro, name):
    shapes.check_api_error(pro.get(f"{PATH}/{name}"), 404)


def test_an_account_may_have_20(pro):
    for i in range(19):
        create(pro, kind="webhook", target=f"{URL}/{i}")
    shapes.check_api_error(pro.post(PATH, json={"kind": "webhook", "target": URL}), 403, "20")


def test_an_address_answers_for_itself(stack, pro):
    address = client.new_address()
    channel = create(pro, kind="email", target=address)
    path = f"{PATH}/{channel['id']}"
    assert channel["verified"] is False
    shapes.check_api_error(pro.post(f"{path}/test"), 409, "verified")
    token = client.token_in(stack.mail.wait(address)[-1])
    for wrong in ("x", token[:-1] + ("a" if token[-1] != "a" else "b")):
        shapes.check_api_error(pro.post(f"{path}/verify", json={"token": wrong}), 400, "token")
    shapes.check_api_error(pro.post(f"{path}/verify", json={}), 400, "token")
    shapes.check_api_error(pro.post(f"{path}/verify", json={"token": token, "force": True}), 400, "force")
    verified = pro.post(f"{path}/verify", json={"token": token})
    assert verified.status_code == 200 and verified.json()["channel"]["verified"] is True
    assert pro.get(path).json() == verified.json()
    shapes.check_api_error(pro.post(f"{path}/verify", json={"token": token}), 400, "token")
    shapes.check_api_error(pro.post(f"{path}/request-token"), 409, "no token")


def test_another_token(stack, pro):
    address = client.new_address()
    channel = create(pro, kind="email", target=address)
    path = f"{PATH}/{channel['id']}"
    stack.mail.wait(address)
    assert list(pro.post(f"{path}/request-token").json()) == ["message"]
    token = client.token_in(stack.mail.wait(address, 2)[-1])
    assert pro.post(f"{path}/verify", json={"token": token}).json()["channel"]["verified"] is True


def test_another_address_is_verified_again(stack, pro):
    address = client.new_address()
    channel = create(pro, kind="email", target=pro.address.upper())
    path = f"{PATH}/{channel['id']}"
    assert channel["verified"] is True  # it is the account's own
    changed = pro.patch(path, json={"target": address}).json()["channel"]
    assert (changed["target"], changed["verified"]) == (address, False)
    token = client.token_in(stack.mail.wait(address)[-1])
    assert pro.post(f"{path}/verify", json={"token": token}).json()["channel"]["verified"] is True


def test_a_token_for_something_else_is_none(stack, pro, anonymous):
    channel = create(pro, kind="email", target=client.new_address())
    token = anonymous.request_token("/request-key-rotation", pro.address)
    shapes.check_api_error(pro.post(f"{PATH}/{channel['id']}/verify", json={"token": token}), 400, "token")


def test_a_test_is_delivered(receiver, pro):
    path = f"/channel/{time.time_ns()}"
    channel = create(pro, kind="webhook", target=receiver.script(path, Answer(status=200)))
    answer = pro.post(f"{PATH}/{channel['id']}/test")
    assert answer.status_code == 200 and answer.json() == {"queued": True}
    wait.until(lambda: receiver.requests(path), 20, "the test to arrive")
    shapes.check_api_error(pro.post(f"{PATH}/{channel['id']}/test", json={"message": "x"}), 400, "message")
    pro.patch(f"{PATH}/{channel['id']}", json={"enabled": False})
    shapes.check_api_error(pro.post(f"{PATH}/{channel['id']}/test"), 409, "off")
