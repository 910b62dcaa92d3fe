"""An execution that waits for its retry, and gets none: its row tells of the attempt that it had."""

import datetime
import secrets

import pytest

import wait
from receiver import Answer

pytestmark = pytest.mark.xdist_group("given-up")


def test_a_pause_gives_up_the_retry(stack, receiver):
    account = stack.account("business")
    path = f"/{secrets.token_hex(4)}/refuses"
    url = receiver.script(path, Answer(503, body=b"busy"))
    wait.clear_of_minute(5)
    job = account.create_job(name="refuses", cron_expression="* * * * *", webhook_url=url)
    (post,) = wait.until(lambda: receiver.requests(path), 70, "the first attempt")
    where = f"/jobs/{job['id']}/executions/{post.webhook_id}"
    wait.until(lambda: account.get(where).json().get("attempts") == 1, 10, "its result")
    assert account.patch(f"/jobs/{job['id']}", json={"enabled": False}).status_code == 200
    wait.until(lambda: account.get(where).json()["status"] != "pending", 50, "it is given up", 0.2)

    found = account.get(where).json()
    assert (found["status"], found["attempts"], found["response_code"]) == ("failure", 1, 503)
    assert found["error"] == "HTTP 503; not tried again: paused"
    (attempt,) = found["attempt_log"]
    assert (attempt["attempt"], attempt["response_code"], attempt["response"]) == (1, 503, "busy")
    assert (attempt["error"], attempt["duration_ms"]) == ("HTTP 503", found["duration_ms"])
    triggered, completed = (datetime.datetime.fromisoformat(found[name]) for name in ("triggered_at", "completed_at"))
    assert 20 <= (completed - triggered).total_seconds() <= 45
    assert len(receiver.requests(path)) == 1
    account.close()
