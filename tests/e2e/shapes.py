"""The shapes of documented answers: their fields in order, with types and formats."""

import datetime
import json
import re

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")

JOB = ["id", "name", "cron_expression", "webhook_url", "headers", "payload", "failure_webhook_url",
       "enabled", "last_run_at", "next_run_at", "created_at", "timezone", "run_at", "start_at", "end_at", "catch_up",
       "catch_up_window_seconds", "allow_overlap", "jitter_seconds", "max_retries", "auto_pause", "external_id",
       "paused_reason", "check"]
ACCOUNT = ["email", "plan", "failure_email_enabled"]
EXECUTION = ["triggered_at", "completed_at", "status", "response_code", "duration_ms", "error", "id",
             "scheduled_at", "attempts", "trigger", "replay_of", "next_attempt_at"]


CHECK = ["id", "name", "period", "grace", "status", "last_ping_at", "next_expected_at", "alert_count", "ping_count",
         "created_at", "updated_at", "tags", "group", "slug", "maint_start", "maint_end", "maint_schedule",
         "cron_expression", "timezone", "alert_after", "recover_after", "reminder_seconds", "parents", "channels", "job_id",
         "paused_reason", "last_duration_ms"]


def parse_time(text: str) -> float:
    assert TIME.fullmatch(text), text
    return datetime.datetime.fromisoformat(text).timestamp()


def check_job(job: dict) -> None:
    assert list(job) == JOB
    assert type(job["id"]) is int and job["id"] >= 1
    assert type(job["enabled"]) is bool
    for field in ("name", "webhook_url", "timezone", "catch_up"):
        assert type(job[field]) is str
    assert (job["cron_expression"] is None) != (job["run_at"] is None)
    for field in ("headers", "payload"):
        assert job[field] is None or type(job[field]) is dict
    assert job["failure_webhook_url"] is None or type(job["failure_webhook_url"]) is str
    parse_time(job["created_at"])
    for field in ("last_run_at", "next_run_at"):
        if job[field] is not None:
            assert parse_time(job[field]) % 60 == 0 or field == "last_run_at"


def check_account(account: dict) -> None:
    assert list(account) == ACCOUNT
    assert account["plan"] in ("free", "starter", "pro", "business", "enterprise")
    assert type(account["failure_email_enabled"]) is bool


def check_execution(row: dict) -> None:
    assert list(row) == EXECUTION
    assert row["status"] in ("pending", "success", "failure", "skipped")
    parse_time(row["triggered_at"])
    assert parse_time(row["scheduled_at"]) % 60 == 0 or row["trigger"] == "run"
    assert row["trigger"] in ("schedule", "run", "replay") and (row["replay_of"] is None) == (row["trigger"] != "replay")
    if row["status"] == "pending":
        return
    parse_time(row["completed_at"])
    assert row["response_code"] is None or 100 <= row["response_code"] <= 599
    if row["status"] == "success":
        assert 200 <= row["response_code"] < 400 and row["error"] is None
        assert type(row["duration_ms"]) is int
    if row["status"] == "failure":
        assert row["error"] and type(row["duration_ms"]) is int


def check_check(check: dict) -> None:
    assert list(check) == CHECK
    assert re.fullmatch("[0-9A-Za-z]{16}", check["id"])
    for field in ("period", "grace", "alert_count", "ping_count", "created_at", "updated_at"):
        assert type(check[field]) is int
    assert check["created_at"] <= check["updated_at"]
    expected = check["status"] in ("up", "late", "down")
    assert (check["next_expected_at"] is not None) == expected and (check["last_ping_at"] is not None or not expected)


def check_error(answer, status: int, *words: str, member: str = "detail") -> str:
    """An error of the API: its status, {"detail": "..."} and nothing else, naming the words."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    body = json.loads(answer.text)
    assert list(body) == [member] and type(body[member]) is str and body[member]
    for word in words:
        assert word in body[member], body[member]
    return body[member]


def check_api_error(answer, status: int, *words: str) -> str:
    """The same under /api/v1: {"error": "..."}, with the headers of the rate."""
    assert int(answer.headers["x-ratelimit-limit"]) >= int(answer.headers["x-ratelimit-remaining"]) >= 0
    return check_error(answer, status, *words, member="error")
