"""Waiting for something to become true, and for the clock."""

import time


def until(condition, timeout_s: float, what: str, pause_s: float = 0.02):
    """Calls condition until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what} (last: {value!r})")
        time.sleep(pause_s)


def next_minute(margin_s: float = 0.0) -> int:
    """The next full minute that is at least margin_s away, as seconds since 1970."""
    return (int(time.time() + margin_s) // 60 + 1) * 60


def sleep_until(wall_clock_s: float) -> None:
    while (left := wall_clock_s - time.time()) > 0:
        time.sleep(min(left, 0.5))


def clear_of_minute(seconds: float) -> None:
    """Returns when no minute begins within the next seconds."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left + 0.05)
