"""What the benchmarks measure with: CPU of process trees, wrk, and the bare programs."""

import dataclasses
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import time

import child
import ports
import process

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_of_tree_s(pid: int) -> float:
    """User and system time of a process, its ended children, and those that run."""
    total, children = 0, []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended while we looked
        own = int(stat.parent.name)
        if own == pid:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == pid:
            children.append(sum(map(int, fields[11:13])))
    return (total + sum(children)) / TICKS_PER_S


@dataclasses.dataclass
class Rate:
    per_second: float
    p50_ms: float
    p99_ms: float


UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def _latency_ms(text: str, percentile: str) -> float:
    value, unit = re.search(rf"^\s+{percentile}%\s+([0-9.]+)(us|ms|s)", text, re.M).groups()
    return float(value) * UNITS_MS[unit]


def wrk(url: str, connections: int, seconds: int, script: pathlib.Path | None = None) -> Rate:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    command += ["-s", str(script)] if script else []
    text = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"not every request was answered well:\n{text}")
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", text)[1])
    return Rate(rate, _latency_ms(text, "50"), _latency_ms(text, "99"))


def figures(program: str, *arguments) -> dict[str, float]:
    """What one of our bench programs prints: one JSON object."""
    command = [process.binary(f"bench_{program}"), *map(str, arguments)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@dataclasses.dataclass
class Bare:
    seconds: float
    cpu_s: float


def bare(program: str, *arguments, times: int = 3) -> Bare:
    """Runs a bare program that prints one JSON object with its seconds; the medians of several runs."""
    command = [process.binary(f"bench_{program}"), *map(str, arguments)]
    seconds, cpu = [], []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["seconds"])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Bare(statistics.median(seconds), statistics.median(cpu))


class Server:
    """A bare program that listens; for a with statement."""

    def __init__(self, program: str, *arguments):
        self.program = program
        self.arguments = [str(argument) for argument in arguments]
        self.port = ports.free_port()

    def __enter__(self) -> "Server":
        self.process = child.start([process.binary(f"bench_{self.program}"), str(self.port), *self.arguments], None)
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"
