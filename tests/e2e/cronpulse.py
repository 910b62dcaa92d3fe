"""The command-line client, run as a user of its own would: with a home directory of its own."""

import os
import pathlib
import pty
import select
import subprocess
import sys
import time

import process


class Cronpulse:
    def __init__(self, home: pathlib.Path, server: str | None = None, program: pathlib.Path | None = None):
        self.home = home
        self.program = program or process.binary("cronpulse")
        self.variables = {"HOME": home, "CRONPULSE_SERVER": server}

    @property
    def file(self) -> pathlib.Path:
        return self.home / ".cronpulse" / "config.json"

    def environment(self, variables: dict | None = None) -> dict[str, str]:
        """None for a value: not set."""
        wanted = self.variables | (variables or {})
        return process.environment({name: value for name, value in wanted.items() if value is not None})

    def start(self, *arguments, variables: dict | None = None, **options) -> subprocess.Popen:
        return subprocess.Popen([self.program, *arguments], env=self.environment(variables), **options)

    def run(self, *arguments, variables: dict | None = None, timeout_s: float = 60,
            **options) -> subprocess.CompletedProcess:
        options = {"capture_output": True, "text": True} | options
        if "input" not in options and "stdin" not in options:
            options["stdin"] = subprocess.DEVNULL
        return subprocess.run([self.program, *arguments], env=self.environment(variables), timeout=timeout_s, **options)

    def on_terminal(self, *arguments, variables: dict | None = None) -> "Terminal":
        return Terminal([self.program, *arguments], self.environment({"TERM": "xterm"} | (variables or {})))


class Terminal:
    """A session on a terminal of its own, with the command in its foreground."""

    def __init__(self, command: list, environment: dict[str, str]):
        self.output = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                os.execve(command[0], [str(word) for word in command], environment)
            finally:
                os._exit(99)

    def _read(self, timeout_s: float) -> bool:
        """False at the end of it."""
        if not select.select([self.master], [], [], timeout_s)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.output += data
        return bool(data)

    def wait_for(self, text: bytes, timeout_s: float = 30) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            assert time.monotonic() < deadline and self._read(0.1), self.output

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def finish(self, timeout_s: float = 30) -> int:
        """The exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(0.1):
            assert time.monotonic() < deadline, self.output
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def python(code: str) -> list[str]:
    """A command that runs some Python."""
    return [sys.executable, "-c", code]
