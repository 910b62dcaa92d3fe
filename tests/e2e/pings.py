"""Pings: checks put straight into PostgreSQL, and what is stored in the stream PINGS."""

import base64
import dataclasses
import ipaddress
import struct

import check_ids

KINDS = ("success", "start", "fail", "log")
METHODS = ("GET", "POST", "HEAD")


@dataclasses.dataclass(frozen=True)
class Ping:
    check: int
    time_ms: int
    kind: str = "success"
    method: str = "GET"
    exit_code: int | None = None
    source: str | None = "192.0.2.1"
    rid: str = ""
    body: bytes = b""


def encode(pings: list[Ping]) -> bytes:
    """See shared/ping.h."""
    message = struct.pack("<BBH", 1, 0, len(pings))
    for ping in pings:
        source = ipaddress.ip_address(ping.source).packed if ping.source else b""
        message += struct.pack("<QqBBhBBH", ping.check, ping.time_ms, KINDS.index(ping.kind),
                               METHODS.index(ping.method), -1 if ping.exit_code is None else ping.exit_code,
                               len(source), len(ping.rid), len(ping.body))
        message += source + ping.rid.encode("ascii") + ping.body
    return message


def decode(message: bytes) -> list[Ping]:
    version, reserved, count = struct.unpack_from("<BBH", message)
    assert (version, reserved) == (1, 0) and count > 0
    at, found = 4, []

    def take(length: int) -> bytes:
        nonlocal at
        at += length
        assert at <= len(message)
        return message[at - length:at]
    for _ in range(count):
        check, time_ms, kind, method, exit_code, source, rid, body = struct.unpack("<QqBBhBBH", take(24))
        address = take(source)
        found.append(Ping(check, time_ms, KINDS[kind], METHODS[method], None if exit_code < 0 else exit_code,
                          str(ipaddress.ip_address(address)) if address else None, take(rid).decode("ascii"), take(body)))
    assert at == len(message)
    return found


def stored(stack) -> list[Ping]:
    """All that are in the stream, in its order."""
    with stack.nats.client() as client:
        state = client.stream_state("PINGS")
        messages = [client.stream_message("PINGS", number)
                    for number in range(state["first_seq"], state["last_seq"] + 1)]
    return [ping for message in messages if message for ping in decode(base64.b64decode(message["data"]))]


@dataclasses.dataclass(frozen=True)
class Check:
    id: int
    name: str  # as users see it


def new_check(stack, account: int, slug: str | None = None, secret: str | None = None) -> Check:
    number = check_ids.draw()
    name = check_ids.check(secret or stack.secret, number)
    stack.postgres.query(
        "INSERT INTO checks (id, public_id, account_id, version, name, slug, period_seconds, grace_seconds, created_at, "
        "updated_at) VALUES (%s, %s, %s, 1, 'check', %s, 3600, 300, now(), now())", number, name, account, slug)
    return Check(number, name)


def new_ping_key(stack, account: int, secret: str | None = None) -> str:
    number = check_ids.draw()
    key = check_ids.ping_key(secret or stack.secret, number)
    stack.postgres.query(
        "INSERT INTO ping_keys (account_id, id, key, created_at) VALUES (%s, %s, %s, now()) "
        "ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, key = excluded.key", account, number, key)
    return key


def account_of(stack, api) -> int:
    return stack.postgres.query("SELECT id FROM accounts WHERE email = %s", api.address)[0][0]
