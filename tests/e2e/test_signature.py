"""Deliveries are signed: checked by the npm package `standardwebhooks`, as a receiver would."""

import json
import secrets

import pytest

import node_packages
import shapes
import wait

PAYLOAD = {"event": "tick", "text": "caf\u00e9 \U0001f4a5", "number": 12345678901234567890}


class Signed:
    """A job of one account, run by hand."""

    def __init__(self, stack, receiver):
        self.receiver = receiver
        self.api = stack.account("business")
        self.path = "/" + secrets.token_hex(4)
        self.job = self.api.create_job(webhook_url=receiver.url(self.path), payload=PAYLOAD)

    def deliver(self):
        """The request that a run makes."""
        before = len(self.receiver.requests(self.path))
        answer = self.api.post(f"/jobs/{self.job['id']}/run")
        assert answer.status_code == 202, answer.text
        return self.receiver.wait(self.path, before + 1, 20)[-1]

    def make_secret(self) -> str:
        answer = self.api.post("/webhook-secret")
        assert answer.status_code == 201, answer.text
        return answer.json()["secret"]


@pytest.fixture
def signed(stack, receiver):
    made = Signed(stack, receiver)
    yield made
    made.api.delete(f"/jobs/{made.job['id']}")
    made.api.close()


def verify(request, secret: str, body: bytes | None = None, **headers: str):
    """What the package makes of a request."""
    given = {name: request.header(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    return node_packages.run("webhook_verify.js", {
        "secret": secret, "payload": (request.body if body is None else body).decode(),
        "headers": given | {name.replace("_", "-"): value for name, value in headers.items()}})


def refused(request, secret: str, *arguments, **headers: str) -> bool:
    with pytest.raises(AssertionError, match="WebhookVerificationError"):
        verify(request, secret, *arguments, **headers)
    return True


def test_the_package_accepts_what_we_sign_and_nothing_else(signed):
    assert signed.deliver().header("webhook-signature") is None
    secret = signed.make_secret()
    request = signed.deliver()
    assert json.loads(verify(request, secret))["text"] == PAYLOAD["text"]
    other = "whsec_" + "A" * 43 + "="
    assert refused(request, other)
    assert refused(request, secret, request.body.replace(b"tick", b"tock"))
    assert refused(request, secret, webhook_id=request.webhook_id + "1")
    assert refused(request, secret, webhook_timestamp=str(int(request.header("webhook-timestamp")) + 1))


def test_both_secrets_sign_after_a_rotation(signed):
    old = signed.make_secret()
    answer = signed.api.post("/webhook-secret/rotate")
    assert answer.status_code == 200, answer.text
    new = answer.json()["secret"]
    assert new != old
    request = signed.deliver()
    signatures = request.header("webhook-signature").split(" ")
    assert len(signatures) == 2
    verify(request, old)
    verify(request, new)
    # The current one is the first.
    verify(request, new, webhook_signature=signatures[0])
    assert refused(request, old, webhook_signature=signatures[0])


def test_none_signs_once_they_are_deleted(signed):
    signed.make_secret()
    assert signed.deliver().header("webhook-signature")
    assert signed.api.delete("/webhook-secret").status_code == 204
    # Dispatchers hear of it by an event.
    wait.until(lambda: signed.deliver().header("webhook-signature") is None, 5, "unsigned deliveries")


def test_every_attempt_and_account_signs_by_itself(stack, receiver):
    first, second = Signed(stack, receiver), Signed(stack, receiver)
    secret_of_first, secret_of_second = first.make_secret(), second.make_secret()
    request, other = first.deliver(), second.deliver()
    verify(request, secret_of_first)
    verify(other, secret_of_second)
    assert refused(request, secret_of_second) and refused(other, secret_of_first)
    assert shapes.parse_time(request.header("x-croncoco-scheduled-at")) <= request.arrived
    for each in (first, second):
        each.api.delete(f"/jobs/{each.job['id']}")
        each.api.close()
