"""Commands of the API, many at once, from a thread of their own; every one is on record."""

import asyncio
import dataclasses
import json
import threading
import time


@dataclasses.dataclass(frozen=True)
class Outcome:
    sent: float  # wall clock
    answered: float
    status: int  # 0: the connection ended without an answer
    body: bytes


class Line:
    """One kept connection to a gateway."""

    def __init__(self, port: int):
        self.port = port
        self.reader = self.writer = None

    async def open(self) -> "Line":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    def write(self, method: str, path: str, key: str, body: dict | None) -> float:
        content = json.dumps(body).encode() if body is not None else b""
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        return time.time()

    async def read(self, sent: float) -> Outcome:
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
            return Outcome(sent, time.time(), int(lines[0].split()[1]), await self.reader.readexactly(length))
        except (ConnectionError, asyncio.IncompleteReadError):
            self.writer.close()
            await self.open()
            return Outcome(sent, time.time(), 0, b"")


class Load:
    """Renames jobs over and over: (key, job id) pairs, one connection each."""

    def __init__(self, port: int, targets: list[tuple[str, int]], pause_s: float = 0.05):
        self.port, self.targets, self.pause_s = port, targets, pause_s
        self.outcomes: list[Outcome] = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(90)
        assert not self.thread.is_alive(), "commands are still waiting for their answers"

    async def _run(self):
        await asyncio.gather(*(self._work(*target) for target in self.targets))

    async def _work(self, key: str, job: int):
        line = await Line(self.port).open()
        count = 0
        while not self.stopping.is_set():
            count += 1
            sent = line.write("PATCH", f"/jobs/{job}", key, {"name": f"renamed {count}"})
            self.outcomes.append(await line.read(sent))
            await asyncio.sleep(self.pause_s)

    def check(self) -> None:
        failed = [outcome for outcome in self.outcomes if not 200 <= outcome.status < 300]
        assert self.outcomes and not failed, f"{len(failed)} of {len(self.outcomes)} commands failed: {failed[:3]}"


def burst(port: int, requests: list[tuple[str, str, str, dict]], then) -> list[Outcome]:
    """Sends (method, path, key, body) on as many connections at once, calls then, awaits the answers."""
    async def run():
        lines = await asyncio.gather(*(Line(port).open() for _ in requests))
        sent = [line.write(*request) for line, request in zip(lines, requests)]
        await asyncio.sleep(0)
        then()
        return await asyncio.gather(*(line.read(at) for line, at in zip(lines, sent)))
    return asyncio.run(run())
