"""The command-line client, start to exit, beside curl doing the same."""

import os
import statistics
import subprocess
import time

import process

ROUNDS = 300


def times_ms(commands: list[list[str]], environment: dict[str, str]) -> list[list[float]]:
    """Each command so many times, in turns, so that all of them see the same machine."""
    taken: list[list[float]] = [[] for _ in commands]
    for _ in range(ROUNDS):
        for command, times in zip(commands, taken):
            begun = time.perf_counter()
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - begun) * 1e3)
    return taken


def measure_ping(url: str, check: str) -> tuple[float, float]:
    """Medians, in ms: cronpulse ping, and curl as the documentation has it."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "CRONPULSE_SERVER": url}
    ours, curl = times_ms([[process.binary("cronpulse"), "ping", check],
                           ["curl", "-fsS", f"{url}/ping/{check}"]], environment)
    return statistics.median(ours), statistics.median(curl)
