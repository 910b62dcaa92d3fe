"""Names of checks and ping keys, as a gateway makes them: see shared/public_id.h."""

import hashlib
import hmac
import secrets

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def draw() -> int:
    return secrets.randbelow(2**63 - 1) + 1


def _base62(number: int) -> str:
    digits = ""
    for _ in range(16):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits


def _name(secret: str, purpose: str, number: int) -> str:
    mac = hmac.digest(secret.encode(), purpose.encode() + number.to_bytes(8, "big"), hashlib.sha256)
    return _base62(number << 32 | int.from_bytes(mac[:4], "big"))


def check(secret: str, number: int) -> str:
    return _name(secret, "check", number)


def ping_key(secret: str, number: int) -> str:
    return "pk_" + _name(secret, "ping-key", number)
