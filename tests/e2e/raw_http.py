"""HTTP by the byte: what no client library would send."""

import socket
import time


class Connection:
    def __init__(self, port: int, timeout_s: float = 20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> "Connection":
        self.socket.sendall(data)
        return self

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def answer(self, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers (lower case), body. Status 0 where the connection ended."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return 0, {}, self.buffer
        top, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = 0 if head or status in (204, 304) else int(headers.get("content-length", 0))
        assert "transfer-encoding" not in headers
        while len(self.buffer) < length:
            assert self._more(), "the answer is cut off"
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, headers, body

    def closed(self, within_s: float) -> bool:
        """Whether the other side ends the connection in that time, without a further byte."""
        deadline = time.monotonic() + within_s
        self.socket.settimeout(within_s)
        try:
            while time.monotonic() < deadline:
                if not self._more():
                    return self.buffer == b""
        except TimeoutError:
            pass
        return False


def request(method: str, path: str, *lines: str, body: bytes = b"", host: str | None = "localhost",
            version: str = "1.1") -> bytes:
    head = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        head.append(f"Host: {host}")
    head += lines
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body
