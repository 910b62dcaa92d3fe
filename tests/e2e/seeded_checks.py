"""Checks put straight into PostgreSQL, before anybody leads, and what became of them there."""

import secrets


class Checks:
    """Checks of one account; they are there for a scheduler that begins to lead afterwards."""

    def __init__(self, stack, account: int = 1):
        self.stack, self.account = stack, account
        stack.postgres.query(
            "INSERT INTO accounts (id, email, plan, failure_email_enabled, key_hash, created_at)"
            " VALUES (%s, %s, 'business', true, %s, now())", account, f"checks-{account}@example.com",
            secrets.token_bytes(32))
        stack.postgres.query("UPDATE progress SET next_account = %s", account + 1)

    def add(self, **columns) -> int:
        check = secrets.randbelow(2 ** 62) + 1
        columns = {"id": check, "public_id": f"{check:016x}", "account_id": self.account, "version": 1, "name": "check",
                   "period_seconds": 3600, "grace_seconds": 60, "created_at": "2026-01-01Z",
                   "updated_at": "2026-01-01Z"} | columns
        self.stack.postgres.query(
            f"INSERT INTO checks ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
            *columns.values())
        return check

    def add_many(self, count: int, **columns) -> list[int]:
        """Of the first one's kind, with ids in a row."""
        first = self.add(**columns)
        self.stack.postgres.query(
            "INSERT INTO checks (id, public_id, account_id, version, name, period_seconds, grace_seconds, created_at,"
            " updated_at) SELECT id + n, lpad(to_hex(id + n), 16, '0'), account_id, version, name, period_seconds,"
            " grace_seconds, created_at, updated_at FROM checks, generate_series(1, %s) n WHERE id = %s",
            count - 1, first)
        return list(range(first, first + count))

    def add_channel(self, kind: str, target: str) -> int:
        return self.stack.postgres.query(
            "WITH p AS (UPDATE progress SET next_channel = next_channel + 1 RETURNING next_channel - 1 AS id)"
            " INSERT INTO channels SELECT id, %s, %s::channel_kind, 'channel', %s, true, true, now(), now() FROM p"
            " RETURNING id", self.account, kind, target)[0][0]

    def flips(self, check: int) -> list[tuple[int, str]]:
        """When, and what it became."""
        return self.stack.postgres.query(
            "SELECT extract(epoch FROM at)::bigint, to_status::text FROM check_flips WHERE check_id = %s ORDER BY id",
            check)

    def status(self, check: int) -> str:
        rows = self.stack.postgres.query("SELECT status::text FROM check_state WHERE check_id = %s", check)
        return rows[0][0] if rows else "new"

    def pings(self, check: int) -> list[tuple]:
        return self.stack.postgres.query(
            "SELECT (extract(epoch FROM received_at) * 1000)::bigint, type, host(source_ip), method, exit_code, rid,"
            " duration_ms, mark, body FROM pings WHERE check_id = %s ORDER BY id", check)

    def ping_count(self) -> int:
        return self.stack.postgres.query("SELECT count(*) FROM pings")[0][0]
