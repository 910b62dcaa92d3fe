"""Checks of an account of their own, its channels, and what comes out of them."""

import hashlib
import hmac
import json
import secrets

import httpx

import wait
from receiver import Answer


def verify_signature(body: bytes, signature: str, secret: str) -> bool:
    """As the API's documentation shows it."""
    expected = hmac.new(
        secret.encode(), body, hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(expected, signature)


class Watching:
    def __init__(self, stack, receiver, signed: bool = True):
        self.stack, self.receiver = stack, receiver
        self.api = stack.account("business")
        self.prefix = "/" + secrets.token_hex(4)
        self.secret = self.api.post("/api/v1/webhook-secret").json()["secret"] if signed else None

    def close(self) -> None:
        self.api.close()

    def path(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    # --- what is made ---

    def channel(self, name: str, *answers: Answer, kind: str = "webhook", target: str | None = None) -> str:
        """Returns its id; a webhook, and Slack, go to the receiver's path of that name."""
        target = target or self.receiver.script(self.path(name), *answers)
        answer = self.api.post("/api/v1/channels", json={"kind": kind, "name": name, "target": target})
        assert answer.status_code == 201, answer.text
        return answer.json()["channel"]["id"]

    def check(self, name: str, *channels: str, **fields) -> dict:
        body = {"name": name, "period": 3600, "grace": 60, "channels": list(channels)} | fields
        answer = self.api.post("/api/v1/checks", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["check"]

    def ping(self, check: dict, signal: str = "", gateway: int = 0, **query) -> None:
        answer = httpx.get(f"{self.stack.url(gateway)}/ping/{check['id']}{signal}", params=query, timeout=30)
        assert (answer.status_code, answer.text) == (200, "OK")

    # --- what came of it ---

    def requests(self, name: str, count: int = 1, timeout_s: float = 20) -> list:
        return self.receiver.wait(self.path(name), count, timeout_s)

    def seen(self, check: dict) -> dict:
        answer = self.api.get(f"/api/v1/checks/{check['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()["check"]

    def alerts(self, check: dict) -> list[dict]:
        """The oldest first."""
        answer = self.api.get(f"/api/v1/checks/{check['id']}/alerts")
        assert answer.status_code == 200, answer.text
        return answer.json()["alerts"][::-1]

    def alert(self, check: dict, status: str, timeout_s: float = 20) -> dict:
        """The check's only alert, once that is its status."""
        def found():
            alerts = self.alerts(check)
            return alerts[0] if [alert["status"] for alert in alerts] == [status] else None
        return wait.until(found, timeout_s, f"one alert of {check['name']}, {status}", 0.5)

    def checks_told(self, name: str) -> dict[str, int]:
        """How often the receiver of a channel was told that a check is down, alone or with others; by id."""
        told = {}
        for request in self.receiver.requests(self.path(name)):
            body = json.loads(request.body)
            checks = body["checks"] if body["event"] == "checks.down" else [body["check"]]
            for check in checks if body["event"] != "check.up" else []:
                told[check["id"]] = told.get(check["id"], 0) + 1
        return told
