"""Pings by wrk, and what a server that takes them spends."""

import dataclasses
import pathlib
import statistics
import tempfile

import measure
import process

ROUNDS = 3
WRK_SCRIPT = """
local names = {%s}
local next = 0
request = function()
  next = next %% #names + 1
  return wrk.format("GET", "/ping/" .. names[next])
end
"""


def script(names: list[str]) -> pathlib.Path:
    """Pings the checks in turn; to be removed by the caller."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as made:
        made.write(WRK_SCRIPT % ",".join(f'"{name}"' for name in names))
    return pathlib.Path(made.name)


@dataclasses.dataclass
class Run:
    rate: measure.Rate
    cpu_us: float  # of the server, a ping

    @classmethod
    def of(cls, url: str, pid: int, connections: int, seconds: int, lua: pathlib.Path) -> "Run":
        before_s = process.cpu_s(pid)
        rate = measure.wrk(url, connections, seconds, lua)
        return cls(rate, (process.cpu_s(pid) - before_s) / (rate.per_second * seconds) * 1e6)

    @classmethod
    def median(cls, runs: list["Run"]) -> "Run":
        def middle(value) -> float:
            return statistics.median(map(value, runs))
        return cls(measure.Rate(middle(lambda run: run.rate.per_second), middle(lambda run: run.rate.p50_ms),
                                middle(lambda run: run.rate.p99_ms)), middle(lambda run: run.cpu_us))

    def __str__(self) -> str:
        return f"{self.rate.per_second:.0f}/s, p50 {self.rate.p50_ms:.1f} ms, p99 {self.rate.p99_ms:.1f} ms"
