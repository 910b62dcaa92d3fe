"""
The webhooks' side: an HTTP server on loopback that records what it got and answers by script.

It runs on an event loop in a thread of its own and parses bytes itself, so that a request is
recorded exactly as it came.
"""

import asyncio
import dataclasses
import threading
import time

import ports
import wait


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]  # as they came
    body: bytes
    arrived: float  # wall clock, seconds

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None

    @property
    def webhook_id(self) -> str:
        return self.header("webhook-id")


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b"ok"
    headers: tuple[str, ...] = ()  # whole lines
    delay_s: float = 0
    hang: bool = False  # reads, and never answers
    close: bool = False  # closes the connection without an answer
    endless: bool = False  # a body that does not end


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: "Receiver"):
        self.receiver = receiver
        self.buffer = b""
        self.transport = None
        self.writing = None

    def connection_made(self, transport):
        self.transport = transport
        self.receiver.transports.add(transport)
        self.receiver.connections += 1

    def connection_lost(self, _error):
        self.receiver.transports.discard(self.transport)
        if self.writing:
            self.writing.cancel()

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = self.buffer[:end].decode("latin-1").split("\r\n")
            headers = tuple(tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:])
            length = next((int(value) for key, value in headers if key.lower() == "content-length"), 0)
            if len(self.buffer) < end + 4 + length:
                return
            method, target, _version = lines[0].split(" ", 2)
            body = self.buffer[end + 4:end + 4 + length]
            self.buffer = self.buffer[end + 4 + length:]
            self._serve(Request(method, target, headers, body, time.time()))

    def _serve(self, request: Request):
        answer = self.receiver.record(request)
        if answer.hang:
            return
        if answer.delay_s:
            asyncio.get_running_loop().call_later(answer.delay_s, self._answer, answer)
        else:
            self._answer(answer)

    def _answer(self, answer: Answer):
        if self.transport.is_closing():
            return
        if answer.close:
            self.transport.abort()
            return
        lines = [f"HTTP/1.1 {answer.status} Status", *answer.headers]
        if answer.endless:
            self._write(lines, b"")
            self.writing = asyncio.get_running_loop().create_task(self._pour())
        else:
            if answer.status not in (204, 304):
                lines.append(f"Content-Length: {len(answer.body)}")
            self._write(lines, b"" if answer.status in (204, 304) else answer.body)

    def _write(self, lines, body):
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def _pour(self):
        while not self.transport.is_closing():
            self.transport.write(b"x" * 65536)
            self.receiver.poured += 65536
            await asyncio.sleep(0.01)


class Receiver:
    def __init__(self):
        self.port = ports.free_port()
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.by_path: dict[str, list[Request]] = {}
        self.transports = set()
        self.connections = 0  # accepted so far
        self.poured = 0  # bytes of endless bodies
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self) -> "Receiver":
        self.thread.start()
        serving = self.loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port, backlog=4096)
        self.server = asyncio.run_coroutine_threadsafe(serving, self.loop).result(10)
        return self

    def stop(self) -> None:
        def finish():
            self.server.close()
            for transport in list(self.transports):
                transport.abort()
            self.loop.stop()
        self.loop.call_soon_threadsafe(finish)
        self.thread.join(10)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def script(self, path: str, *answers: Answer) -> str:
        """What a path answers: one after the other, the last one for ever. Returns the URL."""
        self.answers[path] = list(answers)
        return self.url(path)

    def record(self, request: Request) -> Answer:
        path = request.target.split("?", 1)[0]
        self.by_path.setdefault(path, []).append(request)
        script = self.answers.get(path)
        if not script:
            return Answer()
        return script.pop(0) if len(script) > 1 else script[0]

    def requests(self, path: str) -> list[Request]:
        return list(self.by_path.get(path, []))

    def wait(self, path: str, count: int = 1, timeout_s: float = 75) -> list[Request]:
        wait.until(lambda: len(self.requests(path)) >= count, timeout_s, f"{count} requests to {path}")
        return self.requests(path)
