"""cronpulse ping: what is sent, what is said, and what is tried again."""

import http.server
import json
import ssl
import subprocess
import threading
import time

import pytest

import ports
from cronpulse import Cronpulse
from receiver import Answer


@pytest.fixture
def cronpulse(tmp_path, receiver):
    return Cronpulse(tmp_path, receiver.url(""))


@pytest.fixture
def check(request):
    """An id of the test's own."""
    return "".join(letter for letter in request.node.name if letter.isalnum() or letter in "_-")


@pytest.mark.parametrize("options, path", [
    ([], ""),
    (["--start"], "/start"),
    (["--fail"], "/fail"),
    (["--log"], "/log"),
    (["--exit-code", "0"], "/0"),
    (["--exit-code", "7"], "/7"),
], ids=["success", "start", "fail", "log", "code-0", "code-7"])
def test_kinds(cronpulse, receiver, check, options, path):
    done = cronpulse.run("ping", check, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (request,) = receiver.requests(f"/ping/{check}{path}")
    assert (request.method, request.body) == ("GET", b"")
    assert request.target == f"/ping/{check}{path}"
    assert request.header("user-agent").startswith("cronpulse/")
    assert request.header("authorization") is None


def test_the_key_is_never_sent_with_a_ping(cronpulse, receiver, check):
    assert cronpulse.run("ping", check, variables={"CRONPULSE_API_KEY": "cpk_secret"}).returncode == 0
    (request,) = receiver.requests(f"/ping/{check}")
    assert "cpk_secret" not in str(request)


def test_run_ids_and_slugs(cronpulse, receiver, check):
    assert cronpulse.run("ping", f"pk_1/{check}", "--start", "--rid", "a/b&c", "--create").returncode == 0
    (request,) = receiver.requests(f"/ping/pk_1/{check}/start")
    assert request.target.endswith("?rid=a%2Fb%26c&create=1")


def test_messages(cronpulse, receiver, check):
    assert cronpulse.run("ping", check, "--message", "backup of 3 files").returncode == 0
    output = bytes(range(256)) * 100
    assert cronpulse.run("ping", check, "--fail", "--message", "-", input=output, text=False).returncode == 0
    (first,) = receiver.requests(f"/ping/{check}")
    assert (first.method, first.body) == ("POST", b"backup of 3 files")
    (second,) = receiver.requests(f"/ping/{check}/fail")
    assert (second.method, second.body) == ("POST", output[-10240:])


def test_people_are_told_and_cron_is_not(cronpulse, check):
    assert cronpulse.run("ping", check).stdout == ""
    terminal = cronpulse.on_terminal("ping", check, "--start")
    assert terminal.finish() == 0
    assert terminal.output == f"Sent a start ping for {check}.\r\n".encode()


def test_json(cronpulse, receiver, check):
    done = cronpulse.run("ping", check, "--json")
    assert json.loads(done.stdout) == {"check": check, "ping": "success", "sent": True, "status": 200}
    receiver.script(f"/ping/{check}/fail", Answer(404, b'{"error":"Check \\"x\\" not found"}'))
    done = cronpulse.run("ping", check, "--fail", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert (told["sent"], told["status"]) == (False, 404) and 'Check "x" not found' in told["error"]


def test_what_may_pass_is_tried_again(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}", Answer(close=True), Answer(503), Answer(200, b"OK"))
    done = cronpulse.run("ping", check)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = receiver.requests(f"/ping/{check}")
    # Pauses of 1 and 2 s, a fifth less at the least.
    assert second.arrived - first.arrived > 0.7 and third.arrived - second.arrived > 1.5


def test_retry_after_is_honoured(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}", Answer(429, headers=("Retry-After: 3",)), Answer())
    assert cronpulse.run("ping", check).returncode == 0
    first, second = receiver.requests(f"/ping/{check}")
    assert second.arrived - first.arrived >= 2.9


def test_retry_after_that_is_too_long_is_told(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}", Answer(429, b'{"error":"Rate limit exceeded"}', headers=("Retry-After: 3600",)))
    done = cronpulse.run("ping", check)
    assert done.returncode == 4 and len(receiver.requests(f"/ping/{check}")) == 1
    assert "Rate limit exceeded: try again in 3600 s" in done.stderr


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_refusals_are_final(cronpulse, receiver, check, status):
    receiver.script(f"/ping/{check}", Answer(status, b'{"error":"because"}'))
    done = cronpulse.run("ping", check)
    assert done.returncode == 1 and len(receiver.requests(f"/ping/{check}")) == 1
    assert f"answered {status}: because" in done.stderr and done.stdout == ""
    if status == 404:
        assert f"has no check '{check}'" in done.stderr and "cronpulse list" in done.stderr


def test_what_a_server_says_does_not_command_the_terminal(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}", Answer(400, b'{"error":"\\u001b[2Jx"}'))
    assert "\x1b" not in cronpulse.run("ping", check).stderr
    receiver.script(f"/ping/{check}", Answer(400, b"<html>\x1b[2J</html>"))
    done = cronpulse.run("ping", check)
    assert done.returncode == 1 and "\x1b" not in done.stderr


def test_redirects_are_not_followed(cronpulse, receiver, check):
    receiver.script(f"/ping/{check}", Answer(301, headers=(f"Location: {receiver.url(f'/elsewhere/{check}')}",)))
    done = cronpulse.run("ping", check)
    assert done.returncode == 1 and receiver.requests(f"/elsewhere/{check}") == []
    assert f"redirects to {receiver.url(f'/elsewhere/{check}')}" in done.stderr


def test_without_a_server(cronpulse, check):
    begun = time.monotonic()
    done = cronpulse.run("ping", check, variables={"CRONPULSE_SERVER": f"http://127.0.0.1:{ports.free_port()}"})
    assert done.returncode == 4 and "no answer from http://127.0.0.1:" in done.stderr
    assert 4 < time.monotonic() - begun < 20  # 1, 2 and 4 s, a fifth less at the least


def test_proxies_are_not_asked_for_this_machine(cronpulse, receiver, check):
    proxy = f"http://127.0.0.1:{ports.free_port()}"
    assert cronpulse.run("ping", check, variables={"http_proxy": proxy, "ALL_PROXY": proxy}).returncode == 0
    assert len(receiver.requests(f"/ping/{check}")) == 1


class _Ok(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def https(tmp_path):
    """A server with a certificate that nobody knows: its URL, and the certificate."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Ok)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}", certificate
    server.shutdown()
    server.server_close()


def test_certificates_are_checked(cronpulse, https):
    url, certificate = https
    done = cronpulse.run("ping", "abc123", variables={"CRONPULSE_SERVER": url})
    assert done.returncode == 1 and "certificate" in done.stderr
    trusted = {"CRONPULSE_SERVER": url, "SSL_CERT_FILE": certificate}
    assert cronpulse.run("ping", "abc123", variables=trusted).returncode == 0
    other_name = trusted | {"CRONPULSE_SERVER": url.replace("localhost", "127.0.0.1")}
    assert cronpulse.run("ping", "abc123", variables=other_name).returncode == 1


def test_wrong_lines(cronpulse):
    for line in ([], ["pong"], ["ping"], ["ping", "a", "--nonsense"], ["ping", "a/../b"]):
        done = cronpulse.run(*line)
        assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("cronpulse: ")


def test_help_and_version(cronpulse):
    done = cronpulse.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("ping", "wrap", "list", "status", "config"):
        assert f"cronpulse {command}" in done.stdout
        assert cronpulse.run(command, "--help").stdout.startswith(f"usage: cronpulse {command}")
    assert cronpulse.run("--version").stdout.startswith("cronpulse ")
