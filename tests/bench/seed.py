"""Accounts and jobs put straight into PostgreSQL, before a leader is there."""

import hashlib
import secrets

import check_ids

PLAN = "bench"
ENOUGH = 1_000_000_000


def keys(count: int) -> list[str]:
    return ["coco_" + secrets.token_hex(20) for _ in range(count)]


def unlimited_plan(cursor) -> None:
    """One whose limits are never reached: what is measured is not how they hold."""
    cursor.execute(
        "INSERT INTO plans (name, active_jobs, stored_jobs, executions_per_month, min_interval_seconds, concurrency, "
        "burst_per_minute, timeout_seconds, history_days) VALUES (%s, %s, %s, %s, 60, %s, %s, 30, 30) "
        "ON CONFLICT (name) DO NOTHING", (PLAN, ENOUGH, ENOUGH, ENOUGH, ENOUGH, ENOUGH))


def accounts(postgres, count: int, plan: str = PLAN) -> list[str]:
    """Accounts 1 to count; returns their API keys in that order."""
    made = keys(count)
    with postgres.connect() as connection, connection.cursor() as cursor:
        unlimited_plan(cursor)
        with cursor.copy("COPY accounts (id, email, plan, key_hash, created_at) FROM STDIN") as copy:
            for number, key in enumerate(made, 1):
                digest = hashlib.sha256(key.encode()).hexdigest()
                copy.write_row((number, f"bench-{number}@example.com", plan, f"\\x{digest}", "2026-01-01"))
        cursor.execute("UPDATE progress SET next_account = %s", (count + 1,))
    return made


def jobs(postgres, count: int, account_count: int, expression: str, url: str) -> None:
    """Jobs 1 to count, spread over the accounts: job n belongs to account 1 + n % account_count."""
    with postgres.connect() as connection:
        connection.execute(
            "INSERT INTO jobs (id, account_id, version, name, cron_expression, webhook_url, payload, enabled, due_after, "
            "created_at, updated_at) SELECT n, 1 + n %% %s, 1, 'bench', %s, %s, '{\"benchmark\": true}', true, now(), "
            "now(), now() FROM generate_series(1, %s) AS n", (account_count, expression, url, count))
        connection.execute("UPDATE progress SET next_job = %s", (count + 1,))
        connection.execute("VACUUM ANALYZE jobs")
        connection.execute("CHECKPOINT")


def aim(postgres, urls: list[str]) -> None:
    """The jobs of account n POST to urls[n - 1]."""
    with postgres.connect() as connection:
        connection.execute("UPDATE jobs SET webhook_url = url FROM unnest(%s::text[]) WITH ORDINALITY AS u (url, number) "
                           "WHERE account_id = number", (urls,))
        connection.execute("VACUUM ANALYZE jobs")
        connection.execute("CHECKPOINT")


def checks(postgres, secret: str, count: int, account_count: int) -> list[str]:
    """New checks, spread over the accounts; returns their names."""
    numbers = [check_ids.draw() for _ in range(count)]
    names = [check_ids.check(secret, number) for number in numbers]
    with postgres.connect() as connection, connection.cursor() as cursor:
        with cursor.copy("COPY checks (id, public_id, account_id, version, name, period_seconds, grace_seconds, created_at, "
                         "updated_at) FROM STDIN") as copy:
            for index, (number, name) in enumerate(zip(numbers, names)):
                copy.write_row((number, name, 1 + index % account_count, 1, "bench", 3600, 300, "2026-01-01", "2026-01-01"))
        connection.commit()
        cursor.execute("ANALYZE checks")
    return names
