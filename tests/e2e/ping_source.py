"""A gateway's part towards the stream PINGS."""

import secrets
import time

from pings import Ping, encode


class PingSource:
    """What a gateway does with pings: stores them, and stores them again until it is told that they are."""

    def __init__(self, nats):
        self.nats = nats
        self.mark = secrets.token_hex(8)
        self.number = 0
        self.client = None

    def _store(self, data: bytes, message_id: str) -> dict | None:
        try:
            if self.client is None:
                self.client = self.nats.client()
            return self.client.store(f"ping.{self.mark}", data, message_id)
        except (OSError, ValueError):  # no server, or it ended amid the answer
            self.client = None
            return None

    def send(self, *sent: Ping, timeout_s: float = 5) -> int:
        """Returns the message's sequence; 0: nobody was told that it is stored, as with a 503."""
        return self.send_raw(encode(list(sent)), timeout_s)

    def ping(self, *checks: int) -> int:
        """A success of each, now."""
        now_ms = int(time.time() * 1000)
        return self.send(*(Ping(check, now_ms) for check in checks))

    def send_raw(self, data: bytes, timeout_s: float = 5) -> int:
        self.number += 1
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            stored = self._store(data, f"{self.mark}:{self.number}")
            if stored and "seq" in stored:
                return stored["seq"]
            time.sleep(0.1)
        return 0
