"""cronpulse as npm installs it, under the cron of Debian's package cron."""

import os
import subprocess
import time

import child
import installed
import wait

# A daemon of the test's own: it sees no crontab of the machine, and the machine's sees none of it.
PRIVATE = """
set -e
mount -t tmpfs private /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
mount -t tmpfs private /etc/cron.d
mount -t tmpfs private /run
mount --bind /dev/null /etc/crontab
crontab "$1"
exec cron -f
"""


def test_under_cron(tmp_path, receiver):
    """The documented lines, in the next minute."""
    prefix = installed.npm_install(tmp_path)
    crontab = tmp_path / "crontab"
    crontab.write_text(f"""
PATH={prefix}/bin:/usr/bin:/bin
HOME={tmp_path}
CRONPULSE_SERVER={receiver.url("")}
* * * * * cronpulse ping cron-ping
* * * * * cronpulse wrap cron-wrap -- sh -c 'echo out; echo err >&2; exit 0'
* * * * * cronpulse wrap cron-log --log -- sh -c 'echo out; echo err >&2; exit 7'
""")
    wait.clear_of_minute(5)
    minute = wait.next_minute()
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", PRIVATE, "sh", str(crontab)]
    if os.geteuid() != 0:
        command = ["sudo", "-n", *command]
    with open(tmp_path / "log", "wb") as log:
        daemon = child.start(command, log, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        last = receiver.wait("/ping/cron-log/fail", timeout_s=minute + 30 - time.time())[0]
        wait.until(lambda: receiver.requests("/ping/cron-wrap") and receiver.requests("/ping/cron-ping"), 20,
                   "the other pings")
        assert daemon.poll() is None
    except AssertionError as error:
        raise AssertionError((tmp_path / "log").read_text()) from error
    finally:
        daemon.terminate()
        daemon.wait(10)
    assert last.body == b"out\nerr\n" and 0 <= last.arrived - minute < 20
    for name, end in (("cron-wrap", ""), ("cron-log", "/fail")):
        start, finish = receiver.requests(f"/ping/{name}/start")[0], receiver.requests(f"/ping/{name}{end}")[0]
        assert start.target.partition("?")[2] == finish.target.partition("?")[2] != ""
    assert receiver.requests("/ping/cron-wrap/fail") == receiver.requests("/ping/cron-log") == []
    crontabs = subprocess.run(["crontab", "-l"], capture_output=True, text=True)
    assert "cron-wrap" not in crontabs.stdout  # the machine's own is as it was
