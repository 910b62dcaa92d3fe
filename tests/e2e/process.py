"""One of our processes: started with an environment, watched through its log and its admin port."""

import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

import child
import wait

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("CRONCOCO_BIN", ROOT / "build" / "release" / "bin"))
READY_TIMEOUT_S = 30


def binary(name: str) -> pathlib.Path:
    path = BINARIES / name
    if not path.exists():
        raise RuntimeError(f"{path} is missing: build first, or set CRONCOCO_BIN")
    return path


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Only what a process needs: nothing from the caller's shell configures it by chance."""
    kept = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LANG")
            if name in os.environ}
    return kept | {name: str(value) for name, value in variables.items()}


class Process:
    def __init__(self, program: str, name: str, variables: dict[str, str], directory: pathlib.Path):
        self.program = program
        self.name = name
        self.variables = {"ADMIN_PORT": "0", "INSTANCE": name} | variables
        self.log = directory / f"{name}.log"
        self.process = None
        self.log_offset = 0  # where the current life of the process begins in the log

    def __repr__(self):
        return f"<{self.name}>"

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> "Process":
        assert self.process is None
        self.log_offset = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = child.start([binary(self.program)], log, env=environment(self.variables))
        return self

    def lines(self, message: str | None = None) -> list[dict]:
        """The log of the current life, parsed; of one message where it is given."""
        if not self.log.exists():
            return []
        with open(self.log, "rb") as log:
            log.seek(self.log_offset)
            text = log.read()
        found = []
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if message is None or entry.get("message") == message:
                found.append(entry)
        return found

    def tail(self, lines: int = 30) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def admin_port(self) -> int:
        def logged():
            self._check_alive()
            return self.lines("admin listening")
        return wait.until(logged, READY_TIMEOUT_S, f"{self.name} logs its admin port")[-1]["port"]

    def admin(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port()}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """The sum over the series of one name."""
        total, seen = 0.0, False
        for line in self.admin("/metrics")[1].splitlines():
            if line.startswith(name) and line[len(name)] in " {":
                total, seen = total + float(line.rsplit(" ", 1)[1]), True
        assert seen, f"{self.name} has no metric {name}"
        return total

    def ready(self) -> bool:
        return self.admin("/readyz")[0] == 200

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> "Process":
        def check():
            self._check_alive()
            return self.ready()
        wait.until(check, timeout_s, f"{self.name} is ready\n{self.tail()}")
        return self

    def _check_alive(self) -> None:
        code = self.process.poll()
        if code is not None:
            raise AssertionError(f"{self.name} ended with {code}:\n{self.tail()}")

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self, how: signal.Signals = signal.SIGTERM, timeout_s: float = 60) -> int:
        """Returns the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end on {how.name} within {timeout_s} s:\n{self.tail()}")
        finally:
            self.process = None
        return code

    def cpu_s(self) -> float:
        return cpu_s(self.pid)


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(program: str, *arguments: str, variables: dict[str, str], timeout_s: float = 60):
    """A command of one of our programs (migrate, set-plan)."""
    return subprocess.run([binary(program), *arguments], env=environment(variables), capture_output=True,
                          text=True, timeout=timeout_s)
