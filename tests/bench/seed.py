"""Accounts and jobs put straight into PostgreSQL, before a leader is there."""

import hashlib
import secrets



def keys(count: int) -> list[str]:
    return ["coco_" + secrets.token_hex(20) for _ in range(count)]


def accounts(postgres, count: int, plan: str = "business") -> list[str]:
    """Accounts 1 to count; returns their API keys in that order."""
    made = keys(count)
    with postgres.connect() as connection, connection.cursor() as cursor:
        with cursor.copy("COPY accounts (id, email, plan, key_hash, created_at) FROM STDIN") as copy:
            for number, key in enumerate(made, 1):
                digest = hashlib.sha256(key.encode()).hexdigest()
                copy.write_row((number, f"bench-{number}@example.com", plan, f"\\x{digest}", "2026-01-01"))
        cursor.execute("UPDATE progress SET next_account = %s", (count + 1,))
    return made


def jobs(postgres, count: int, account_count: int, expression: str, url: str) -> None:
    """Jobs 1 to count, spread over the accounts."""
    with postgres.connect() as connection:
        connection.execute(
            "INSERT INTO jobs SELECT n, 1 + n %% %s, 1, 'bench', %s, %s, NULL, '{\"benchmark\": true}', NULL, true, "
            "now(), now(), now() FROM generate_series(1, %s) AS n", (account_count, expression, url, count))
        connection.execute("UPDATE progress SET next_job = %s", (count + 1,))
        connection.execute("VACUUM ANALYZE jobs")
        connection.execute("CHECKPOINT")
