"""Every request of the API reference, run by curl as it is written there, and what it answers."""

import json
import pathlib
import subprocess

import pytest

import client
import shapes

LINES = (pathlib.Path(__file__).parent / "examples.txt").read_text().splitlines()
EXAMPLES = {LINES[i - 1]: line for i, line in enumerate(LINES) if line.startswith("curl ")}


class Curl:
    """Runs an example: only the base URL and the placeholders of the reference are replaced."""

    def __init__(self, stack):
        self.stack = stack
        self.address = client.new_address()
        self.key = self.token = self.job = None

    def __call__(self, example: str, status: int):
        command = EXAMPLES[example].replace("https://api.croncoco.io", self.stack.url())
        command = command.replace("you@example.com", self.address)
        for placeholder, value in (("coco_abc123...", self.key), ("token-from-email", self.token)):
            if placeholder in command:
                command = command.replace(placeholder, value)
        if "/jobs/1" in command:
            command = command.replace("/jobs/1", f"/jobs/{self.job}")
        done = subprocess.run(["bash", "-c", f"{command} -s -S -w '\\n%{{http_code}} %{{content_type}}'"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        body, _, last = done.stdout.rpartition("\n")
        code, _, content_type = last.partition(" ")
        assert int(code) == status, f"{code} {body}"
        if status == 204:
            assert body == ""
            return None
        assert content_type == "application/json"
        return json.loads(body)

    def mailed_token(self, count: int) -> str:
        return client.token_in(self.stack.mail.wait(self.address, count)[-1])


@pytest.fixture
def curl(stack):
    return Curl(stack)


def test_all_examples_in_the_order_of_the_reference(curl, stack):
    curl("POST /register", 200)
    curl.token = curl.mailed_token(1)
    curl.key = curl("POST /verify-email", 200)["api_key"]

    curl("POST /request-key-rotation", 200)
    curl.token = curl.mailed_token(2)
    old_key, curl.key = curl.key, curl("POST /rotate-key", 200)["api_key"]
    assert curl.key != old_key and curl.key.startswith("coco_")

    account = curl("GET /account", 200)
    shapes.check_account(account)
    assert account == {"email": curl.address, "plan": "free", "failure_email_enabled": True}
    account = curl("PATCH /account", 200)
    shapes.check_account(account)
    assert account["failure_email_enabled"] is False
    assert curl("GET /account", 200) == account

    created = curl("POST /jobs", 201)
    shapes.check_job(created)
    documented = {"name": "hourly-sync", "cron_expression": "0 * * * *",
                  "webhook_url": "https://your-app.com/sync", "headers": {"X-Secret": "mytoken"},
                  "payload": None, "failure_webhook_url": None, "enabled": True, "last_run_at": None}
    assert {name: created[name] for name in documented} == documented
    until_next = shapes.parse_time(created["next_run_at"]) - shapes.parse_time(created["created_at"])
    assert 0 < until_next <= 3600 and shapes.parse_time(created["next_run_at"]) % 3600 == 0
    curl.job = created["id"]

    listed = curl("GET /jobs", 200)
    assert [list(job) for job in listed] == [shapes.JOB] and listed[0]["id"] == created["id"]

    paused = curl("PATCH /jobs/{id}", 200)
    shapes.check_job(paused)
    assert paused["enabled"] is False and paused["next_run_at"] is None
    assert paused["name"] == created["name"] and paused["headers"] == created["headers"]

    assert curl("GET /jobs/{id}/executions page 1", 200) == []
    assert curl("GET /jobs/{id}/executions page 2", 200) == []

    curl("POST /account/delete-request", 200)
    curl.token = curl.mailed_token(3)
    curl("DELETE /account", 204)
    curl("GET /account", 401)


def test_delete_job(api):
    job = api.create_job()
    deleted = api.delete(f"/jobs/{job['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.get("/jobs").json() == []


def test_no_example_is_left_out():
    assert len(EXAMPLES) == 18  # those of billing are run by test_billing.py
