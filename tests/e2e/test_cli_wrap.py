"""cronpulse wrap: the job is what it would be without it, and the server is told."""

import hashlib
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

import ports
import wait
from cronpulse import Cronpulse, python
from receiver import Answer


@pytest.fixture
def cronpulse(tmp_path, receiver):
    return Cronpulse(tmp_path, receiver.url(""))


@pytest.fixture
def check(request):
    """An id of the test's own."""
    return "".join(letter for letter in request.node.name if letter.isalnum() or letter in "_-")


@pytest.fixture
def away():
    """Where no server is."""
    return {"CRONPULSE_SERVER": f"http://127.0.0.1:{ports.free_port()}"}


def rid(request) -> str:
    return request.target.partition("?rid=")[2]


def pings(receiver, check) -> list[tuple[str, str, bytes]]:
    """The pings of a check in the order of arrival: kind, run id, body."""
    prefix = f"/ping/{check}"
    found = [(request.arrived, path[len(prefix):] or "/success", rid(request), request.body)
             for path in list(receiver.by_path) if path == prefix or path.startswith(f"{prefix}/")
             for request in receiver.requests(path)]
    return [ping[1:] for ping in sorted(found)]


def kinds(receiver, check) -> list[str]:
    return [kind for kind, _rid, _body in pings(receiver, check)]


# ---- what the server is told ----

def test_success(cronpulse, receiver, check):
    done = cronpulse.run("wrap", check, "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (start, start_rid, _), (end, end_rid, body) = pings(receiver, check)
    assert (start, end, body) == ("/start", "/success", b"")
    assert start_rid == end_rid and len(start_rid) == 32


def test_failure(cronpulse, receiver, check):
    assert cronpulse.run("wrap", check, "--", "false").returncode == 1
    assert kinds(receiver, check) == ["/start", "/fail"]


def test_runs_are_told_apart(cronpulse, receiver, check):
    runs = [cronpulse.start("wrap", check, "--", "sleep", "0.5") for _ in range(3)]
    assert [run.wait(30) for run in runs] == [0, 0, 0]
    found = pings(receiver, check)
    starts = [run_id for kind, run_id, _ in found if kind == "/start"]
    ends = [run_id for kind, run_id, _ in found if kind == "/success"]
    assert len(set(starts)) == 3 and sorted(starts) == sorted(ends)


def test_start_is_told_while_the_job_runs(cronpulse, receiver, check):
    run = cronpulse.start("wrap", check, "--", "cat", stdin=subprocess.PIPE)
    receiver.wait(f"/ping/{check}/start", timeout_s=20)
    assert run.poll() is None
    run.communicate(b"", timeout=20)
    assert kinds(receiver, check) == ["/start", "/success"]


def test_exit_codes_can_be_told(cronpulse, receiver, check):
    assert cronpulse.run("wrap", "--exit-code", check, "--", "sh", "-c", "exit 7").returncode == 7
    assert cronpulse.run("wrap", "--exit-code", check, "--", "true").returncode == 0
    assert kinds(receiver, check) == ["/start", "/7", "/start", "/0"]


def test_checks_by_name(cronpulse, receiver, check):
    assert cronpulse.run("wrap", "--create", f"pk_1/{check}", "--", "true").returncode == 0
    assert receiver.requests(f"/ping/pk_1/{check}/start")[0].target.endswith("&create=1")
    assert receiver.requests(f"/ping/pk_1/{check}")[0].target.endswith("&create=1")


# ---- exit codes ----

@pytest.mark.parametrize("code", [0, 1, 2, 125, 126, 127, 128, 255])
def test_exit_codes(cronpulse, receiver, check, code):
    assert cronpulse.run("wrap", check, "--", "sh", "-c", f"exit {code}").returncode == code
    assert kinds(receiver, check)[1] == ("/success" if code == 0 else "/fail")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE, signal.SIGINT])
def test_a_job_that_a_signal_ends(cronpulse, receiver, check, number):
    """Its code is what a shell would say."""
    job = python(f"import os, signal; signal.signal({int(number)}, signal.SIG_DFL) if {int(number)} != 9 else 0; "
                 f"os.kill(os.getpid(), {int(number)})")
    assert cronpulse.run("wrap", check, "--", *job).returncode == 128 + number
    assert kinds(receiver, check) == ["/start", "/fail"]


def test_commands_that_cannot_run(cronpulse, receiver, check, tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("exit 9\n")
    for command, code in (("/nowhere/at-all", 127), ("no-such-command", 127), (plain, 126), (tmp_path, 126)):
        done = cronpulse.run("wrap", check, "--", command)
        assert done.returncode == code and f"cannot run '{command}'" in done.stderr
    plain.chmod(0o755)  # a script without a first line is the shell's, as everywhere
    assert cronpulse.run("wrap", check, "--", plain).returncode == 9
    assert kinds(receiver, check) == ["/start", "/fail"] * 5


def test_wrong_lines_run_nothing(cronpulse, tmp_path):
    mark = tmp_path / "mark"
    for line in (["--", "touch", mark], ["a?b", "--", "touch", mark], ["a", "--nonsense", "--", "touch", mark],
                 ["a", "touch", mark], ["a", "--"]):
        done = cronpulse.run("wrap", *line)
        assert done.returncode == 2 and done.stderr.startswith("cronpulse: ")
    assert not mark.exists()


# ---- streams, files, environment ----

def test_streams_are_the_jobs_own(cronpulse, check):
    """The very same files, and whatever bytes."""
    data = bytes(range(256)) * 4096
    job = python("import sys; sys.stderr.buffer.write(sys.stdin.buffer.read()[::-1]); sys.stdout.buffer.write(b'out\\0')")
    done = cronpulse.run("wrap", check, "--", *job, input=data, text=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"out\0", data[::-1])


def test_redirections(cronpulse, check, tmp_path):
    """The documented line."""
    target = tmp_path / "backup.sql"
    line = f'"{cronpulse.program}" wrap {check} -- printf dump > {target}; cat {target} | "{cronpulse.program}" wrap {check} -- tr a-z A-Z'
    done = subprocess.run(["sh", "-c", line], env=cronpulse.environment(), capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, target.read_text()) == ("DUMP", "", "dump")


LISTS_FILES = """
import os, sys
held = []
for number in range(64):
    try:
        os.fstat(number)
        held.append(number)
    except OSError:
        pass
print(*held, file=sys.stderr)
"""


@pytest.mark.parametrize("options", [[], ["--log"]], ids=["plain", "log"])
def test_a_job_holds_no_file_of_ours(cronpulse, check, tmp_path, options):
    with open(tmp_path / "theirs", "w") as theirs:
        job = python(f"import os; os.write({theirs.fileno()}, b'x')\n{LISTS_FILES}")
        done = cronpulse.run("wrap", *options, check, "--", *job, pass_fds=[theirs.fileno()])
        assert [int(number) for number in done.stderr.split()] == [0, 1, 2, theirs.fileno()]
        assert pathlib.Path(theirs.name).read_text() == "x"


def test_closed_streams_stay_closed(cronpulse, check):
    def close():
        os.close(0)
        os.close(1)

    done = cronpulse.run("wrap", check, "--", *python(LISTS_FILES), preexec_fn=close)
    assert (done.returncode, done.stderr) == (0, "2\n")


def test_environment_and_folder_are_the_jobs_own(cronpulse, check, tmp_path):
    done = cronpulse.run("wrap", check, "--", "sh", "-c", "pwd; env", cwd=tmp_path, variables={"THEIRS": "1"})
    here, *lines = done.stdout.splitlines()
    plain = subprocess.run(["sh", "-c", "env"], cwd=tmp_path, env=cronpulse.environment({"THEIRS": "1"}),
                           capture_output=True, text=True).stdout.splitlines()
    assert here == str(tmp_path)
    ours = {line for line in lines if not line.startswith(("_=", "SHLVL=", "OLDPWD="))}
    assert ours == {line for line in plain if not line.startswith(("_=", "SHLVL=", "OLDPWD="))}


# ---- signals ----

NOTES_SIGNALS = """
import signal, sys, time
seen = []
for number in {numbers}:
    signal.signal(number, lambda number, _frame: seen.append(number))
print("ready", flush=True)
end = time.monotonic() + 20
while not seen and time.monotonic() < end:
    time.sleep(0.02)
time.sleep(0.5)
print(*(int(number) for number in seen), flush=True)
sys.exit(3)
"""
PASSED_ON = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]


def notes_signals(*numbers) -> list[str]:
    return python(NOTES_SIGNALS.format(numbers=[int(number) for number in numbers]))


@pytest.mark.parametrize("number", PASSED_ON, ids=lambda number: number.name)
def test_signals_are_passed_on(cronpulse, receiver, check, number):
    run = cronpulse.start("wrap", check, "--", *notes_signals(number), stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "ready\n"
    run.send_signal(number)
    assert run.stdout.read() == f"{int(number)}\n"
    assert run.wait(30) == 3
    assert kinds(receiver, check) == ["/start", "/fail"]


def test_a_job_without_a_handler_ends(cronpulse, receiver, check):
    run = cronpulse.start("wrap", check, "--", "sleep", "60")
    receiver.wait(f"/ping/{check}/start", timeout_s=20)
    run.terminate()
    assert run.wait(30) == 128 + signal.SIGTERM
    assert kinds(receiver, check) == ["/start", "/fail"]


def test_the_first_moment_counts(cronpulse, check):
    """A signal that is there before the job is for the job."""
    def pending():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)

    job = python("import signal; print(int(signal.sigwait([signal.SIGTERM])))")  # which inherits the mask
    done = cronpulse.run("wrap", check, "--", *job, preexec_fn=pending)
    assert (done.returncode, done.stdout) == (0, f"{int(signal.SIGTERM)}\n")


@pytest.mark.parametrize("options", [[], ["--log"]], ids=["plain", "log"])
def test_control_c_comes_once(cronpulse, receiver, check, options):
    """The terminal gives it to everybody in the foreground."""
    terminal = cronpulse.on_terminal("wrap", *options, check, "--", *notes_signals(signal.SIGINT))
    terminal.wait_for(b"ready")
    terminal.type(b"\x03")
    assert terminal.finish() == 3
    assert terminal.output.split() == [b"ready", b"^C2"] or terminal.output.split() == [b"ready", b"^C", b"2"]
    assert kinds(receiver, check) == ["/start", "/fail"]


def test_control_c_ends_a_job(cronpulse, receiver, check):
    terminal = cronpulse.on_terminal("wrap", check, "--", "sh", "-c", "echo ready; sleep 60")
    terminal.wait_for(b"ready")
    receiver.wait(f"/ping/{check}/start", timeout_s=20)
    terminal.type(b"\x03")
    assert terminal.finish() == 128 + signal.SIGINT
    assert kinds(receiver, check) == ["/start", "/fail"]


def test_a_job_can_read_the_terminal(cronpulse, check):
    terminal = cronpulse.on_terminal("wrap", check, "--", "sh", "-c", "echo ready; read word; echo got $word")
    terminal.wait_for(b"ready")
    terminal.type(b"this\n")
    assert terminal.finish() == 0 and b"got this" in terminal.output


def test_a_job_can_be_stopped_and_go_on(cronpulse, receiver, check):
    run = cronpulse.start("wrap", check, "--", "sh", "-c", "echo ready; sleep 1; exit 4", stdout=subprocess.PIPE,
                          start_new_session=True)
    assert run.stdout.readline() == b"ready\n"
    os.killpg(run.pid, signal.SIGSTOP)
    time.sleep(1.5)
    assert run.poll() is None
    os.killpg(run.pid, signal.SIGCONT)
    assert run.wait(30) == 4 and kinds(receiver, check) == ["/start", "/fail"]


def test_ignored_signals_stay_ignored(cronpulse, check):
    """As under nohup."""
    job = ["sh", "-c", "kill -HUP $$; kill -HUP $PPID; sleep 0.3; exit 5"]
    done = cronpulse.run("wrap", check, "--", *job, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert done.returncode == 5


def test_dispositions_are_the_jobs_own(cronpulse, check):
    def unusual():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])

    script = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"
    plain = subprocess.run(["sh", "-c", f"exec {script}"], preexec_fn=unusual, capture_output=True, text=True,
                           env=cronpulse.environment())
    done = cronpulse.run("wrap", check, "--", "sh", "-c", f"exec {script}", preexec_fn=unusual)
    assert done.returncode == 0 and done.stdout == plain.stdout


# ---- a server that is away, slow or broken ----

def test_a_job_runs_without_a_server(cronpulse, check, away):
    job = ["sh", "-c", "echo out; echo err >&2; date +%s.%N; exit 6"]
    begun = time.time()
    done = cronpulse.run("wrap", check, "--", *job, variables=away)
    out, ended = done.stdout.splitlines()
    assert (done.returncode, out) == (6, "out") and float(ended) - begun < 4
    err, *warnings = done.stderr.splitlines()
    assert err == "err" and [line.split(":")[1] for line in warnings] == [
        " the start ping was not sent", " the end ping was not sent"]
    assert time.time() - begun < 20  # and it does not try for ever


def test_warnings_can_be_silenced(cronpulse, check, away):
    done = cronpulse.run("wrap", "--quiet", check, "--", "sh", "-c", "echo err >&2", variables=away)
    assert (done.returncode, done.stderr) == (0, "err\n")


def test_a_server_that_does_not_answer(cronpulse, receiver, check):
    """The job runs and ends; who does not want to wait for the ping says so with a signal."""
    for kind in ("", "/start"):
        receiver.script(f"/ping/{check}{kind}", Answer(hang=True))
    begun = time.monotonic()
    run = cronpulse.start("wrap", check, "--", "sh", "-c", "echo ready; sleep 0.2; echo done", stdout=subprocess.PIPE)
    assert run.stdout.readline() == b"ready\n"
    assert run.stdout.readline() == b"done\n"
    assert time.monotonic() - begun < 4
    time.sleep(1)
    assert run.poll() is None
    run.terminate()
    assert run.wait(5) == 0
    # A process beside it goes on alone.
    receiver.wait(f"/ping/{check}", timeout_s=30)
    assert kinds(receiver, check) == ["/start", "/success"]


def test_the_end_waits_for_a_slow_start(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}/start", Answer(delay_s=2))
    assert cronpulse.run("wrap", check, "--", "true").returncode == 0
    (start,), (end,) = receiver.requests(f"/ping/{check}/start"), receiver.requests(f"/ping/{check}")
    assert end.arrived - start.arrived > 1.9


def test_a_server_that_comes_back(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}/start", Answer(503), Answer())
    receiver.script(f"/ping/{check}", Answer(503), Answer(503), Answer())
    done = cronpulse.run("wrap", check, "--", "sleep", "2.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert kinds(receiver, check) == ["/start"] * 2 + ["/success"] * 3
    assert len({run_id for _, run_id, _ in pings(receiver, check)}) == 1


def test_a_start_that_failed_is_not_sent_after_the_end(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}/start", Answer(503))
    done = cronpulse.run("wrap", check, "--", "sleep", "0.3")
    assert done.returncode == 0 and "the start ping was not sent: the server answered 503" in done.stderr
    assert kinds(receiver, check) == ["/start", "/success"]


def test_a_check_that_is_not_there(cronpulse, receiver, check):
    for kind in ("", "/start"):
        receiver.script(f"/ping/{check}{kind}", Answer(404, b'{"error":"Check not found"}'))
    done = cronpulse.run("wrap", check, "--", "sh", "-c", "exit 0")
    assert done.returncode == 0 and done.stderr.count("Check not found") == 2


def test_a_broken_configuration(cronpulse, check):
    cronpulse.file.parent.mkdir()
    cronpulse.file.write_text("{")
    done = cronpulse.run("wrap", check, "--", "sh", "-c", "echo ran; exit 4")
    assert (done.returncode, done.stdout) == (4, "ran\n") and "no pings were sent" in done.stderr


def test_libcurl_is_missing(cronpulse, check, tmp_path):
    for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
        (tmp_path / name).write_bytes(b"")
    without = {"LD_LIBRARY_PATH": tmp_path}
    done = cronpulse.run("wrap", check, "--", "sh", "-c", "echo ran; exit 4", variables=without)
    assert (done.returncode, done.stdout) == (4, "ran\n") and "apt install libcurl4" in done.stderr
    done = cronpulse.run("ping", check, variables=without)
    assert done.returncode == 4 and "apt install libcurl4" in done.stderr
    assert cronpulse.run("config", variables=without).returncode == 0


def test_a_wrap_that_is_killed(cronpulse, receiver, check, tmp_path):
    """The job goes on; how it ends nobody knows, so nothing is said of it."""
    mark = tmp_path / "mark"
    run = cronpulse.start("wrap", check, "--", "sh", "-c", f"sleep 1; touch {mark}")
    receiver.wait(f"/ping/{check}/start", timeout_s=20)
    run.kill()
    run.wait(10)
    wait.until(mark.exists, 20, "the job goes on")
    time.sleep(0.5)
    assert kinds(receiver, check) == ["/start"]


# ---- --log ----

def test_the_last_output_is_sent(cronpulse, receiver, check):
    job = ["sh", "-c", "seq 1 5000; echo problem >&2; exit 1"]
    done = cronpulse.run("wrap", "--log", check, "--", *job)
    everything = "".join(f"{number}\n" for number in range(1, 5001))
    assert (done.returncode, done.stdout, done.stderr) == (1, everything, "problem\n")
    (_, _, nothing), (kind, _, body) = pings(receiver, check)
    assert (kind, nothing, len(body)) == ("/fail", b"", 10240)
    assert body == (everything + "problem\n").encode()[-10240:] or b"problem\n" in body
    (request,) = receiver.requests(f"/ping/{check}/fail")
    assert request.method == "POST" and request.header("content-type") == "text/plain; charset=utf-8"


def test_no_output_no_body(cronpulse, receiver, check):
    assert cronpulse.run("wrap", "--log", check, "--", "true").returncode == 0
    (request,) = receiver.requests(f"/ping/{check}")
    assert (request.method, request.body) == ("GET", b"")


def test_logged_output_is_unchanged(cronpulse, receiver, check):
    data = os.urandom(3 << 20)
    done = cronpulse.run("wrap", "--log", check, "--", "cat", input=data, text=False)
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest() and done.stderr == b""
    assert pings(receiver, check)[1][2] == data[-10240:]


def test_one_stream_keeps_its_order(cronpulse, receiver, check):
    """Standard output and error to one place, as under cron."""
    job = ["sh", "-c", "for i in $(seq 1 300); do echo out $i; echo err $i >&2; done"]
    done = cronpulse.run("wrap", "--log", check, "--", *job, capture_output=False, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    expected = "".join(f"out {number}\nerr {number}\n" for number in range(1, 301))
    assert done.stdout == expected
    assert pings(receiver, check)[1][2] == expected.encode()[-10240:]


def test_logged_output_is_live(cronpulse, check):
    run = cronpulse.start("wrap", "--log", check, "--", "sh", "-c", "echo one; echo two >&2; read word; echo $word",
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "one\n" and run.stderr.readline() == "two\n"
    assert run.communicate("three\n", timeout=20)[0] == "three\n" and run.returncode == 0


def test_a_file_has_everything_at_the_end(cronpulse, check, tmp_path):
    for _ in range(10):
        with open(tmp_path / "out", "wb") as out:
            done = cronpulse.run("wrap", "--log", check, "--", "seq", "1", "20000", capture_output=False, stdout=out)
            assert done.returncode == 0 and os.fstat(out.fileno()).st_size == 108894


def test_a_reader_that_is_gone(cronpulse, receiver, check):
    """The job is ended by SIGPIPE, as it would be without us."""
    line = f'"{cronpulse.program}" wrap --log {check} -- yes | head -n 1'
    done = subprocess.run(["sh", "-c", line], env=cronpulse.environment(), capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("y\n", "")
    assert wait.until(lambda: kinds(receiver, check) == ["/start", "/fail"], 20, "both pings")


def test_a_reader_that_is_slow(cronpulse, receiver, check):
    """It gets everything, and holds up the job as it would without us, but not the ping."""
    run = cronpulse.start("wrap", "--log", check, "--", "head", "-c", "60000", "/dev/zero", stdout=subprocess.PIPE)
    receiver.wait(f"/ping/{check}", timeout_s=20)
    assert len(run.communicate(timeout=20)[0]) == 60000 and run.returncode == 0
    big = cronpulse.start("wrap", "--log", f"{check}-2", "--", "head", "-c", "1000000", "/dev/zero",
                          stdout=subprocess.PIPE)
    time.sleep(1)
    assert big.poll() is None and kinds(receiver, f"{check}-2") == ["/start"]
    assert len(big.communicate(timeout=20)[0]) == 1000000 and big.returncode == 0


def test_what_a_job_leaves_running_may_go_on_writing(cronpulse, receiver, check):
    """A daemon that a job started keeps its output; the end of the job is told at once."""
    job = ["sh", "-c", "(sleep 6; echo late; echo later) & echo early"]
    begun = time.monotonic()
    run = cronpulse.start("wrap", "--log", check, "--", *job, stdout=subprocess.PIPE, text=True)
    assert run.wait(20) == 0 and time.monotonic() - begun < 5
    assert pings(receiver, check)[1][2] == b"early\n"
    assert run.stdout.read() == "early\nlate\nlater\n"


def test_a_job_that_closes_its_output(cronpulse, receiver, check):
    job = ["sh", "-c", "echo last; exec >&- 2>&-; sleep 1; exit 3"]
    done = cronpulse.run("wrap", "--log", check, "--", *job)
    assert (done.returncode, done.stdout) == (3, "last\n")
    assert pings(receiver, check)[1][2] == b"last\n"


def test_an_output_that_does_not_block(cronpulse, check):
    """Somebody made the pipe non-blocking: nothing is lost when it is full."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    run = cronpulse.start("wrap", "--log", check, "--", "head", "-c", "500000", "/dev/zero", stdout=write)
    os.close(write)
    time.sleep(0.5)
    data = []
    reader = threading.Thread(target=lambda: data.append(open(read, "rb").read()))
    reader.start()
    assert run.wait(20) == 0
    reader.join(20)
    assert len(data[0]) == 500000
