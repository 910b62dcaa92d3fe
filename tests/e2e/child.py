"""Child processes that do not outlive the tests, however those end."""

import ctypes
import signal
import subprocess

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl


def start(command: list, log, on_orphaned: signal.Signals = signal.SIGKILL, **options) -> subprocess.Popen:
    """Both outputs go to log. To be called on the main thread: the kernel watches the thread, not the process."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                            preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, int(on_orphaned)), **options)
