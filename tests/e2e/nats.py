"""A private NATS server with JetStream, and a client that can read a stream."""

import json
import pathlib
import secrets
import shutil
import signal
import socket
import tempfile

import child
import ports
import wait


class Nats:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cc-nats-", dir="/tmp"))
        self.port = ports.free_port()
        self.log = self.directory / "log"
        self.process = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.process = child.start(
                ["nats-server", "-js", "-sd", self.directory / "js", "-a", "127.0.0.1", "-p", str(self.port)], log)
        wait.until(self._answers, 30, f"NATS accepts connections on port {self.port}")

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"NATS ended:\n{self.log.read_text()[-3000:]}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(30)
        self.process = None

    def remove(self) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def client(self) -> "NatsClient":
        return NatsClient(self.port)


class NatsClient:
    """As much of the protocol as a request with one answer needs, and a publish to a stream."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.stream = self.socket.makefile("rb")
        self.stream.readline()
        self.inbox = "_INBOX." + secrets.token_hex(8)
        self._send('CONNECT {"verbose":false,"headers":true,"no_responders":true,"protocol":1}\r\n'
                   f"SUB {self.inbox} 1\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _send(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def request(self, subject: str, body: dict | None = None) -> dict:
        text = json.dumps(body) if body else ""
        self._send(f"PUB {subject} {self.inbox} {len(text)}\r\n{text}\r\n")
        return json.loads(self._answer())

    def publish(self, subject: str) -> None:
        """A message without content that somebody listens to; it has arrived when this returns."""
        self._send(f"PUB {subject} 0\r\n\r\nPING\r\n")
        while self.stream.readline() != b"PONG\r\n":
            continue

    def store(self, subject: str, data: bytes, message_id: str) -> dict:
        """Publishes to a stream; returns its acknowledgement."""
        head = f"NATS/1.0\r\nNats-Msg-Id: {message_id}\r\n\r\n".encode()
        self.socket.sendall(f"HPUB {subject} {self.inbox} {len(head)} {len(head) + len(data)}\r\n".encode()
                            + head + data + b"\r\n")
        return json.loads(self._answer())

    def _answer(self) -> bytes:
        while True:
            line = self.stream.readline()
            if not line:
                raise ConnectionError("NATS closed the connection")
            words = line.split()
            if words[0] == b"PING":
                self._send("PONG\r\n")
            elif words[0] == b"MSG":
                return self.stream.read(int(words[-1]) + 2)[:-2]
            elif words[0] == b"HMSG":
                head, total = int(words[-2]), int(words[-1])
                return self.stream.read(total + 2)[head:-2]
            elif words[0] == b"-ERR":
                raise ConnectionError(line.decode())

    def stream_state(self, stream: str) -> dict:
        return self.request(f"$JS.API.STREAM.INFO.{stream}")["state"]

    def stream_message(self, stream: str, sequence: int) -> dict | None:
        """{"subject", "seq", "data" (base64), "hdrs" (base64), "time"}, or None where it is gone."""
        return self.request(f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": sequence}).get("message")
