"""Mail by SMTP: what passes is tried again, what does not is not, and nothing is sent twice."""

import signal
import ssl
import subprocess

import pytest

import client
import wait
from smtp import SmtpSink

pytestmark = pytest.mark.xdist_group("mailer")


@pytest.fixture(scope="module")
def mail_stack(request):
    import conftest
    from stack import Stack
    yield from conftest.run_stack(request, Stack(dispatchers=0, mailer=False))


@pytest.fixture
def sink():
    started = SmtpSink().start()
    yield started
    started.stop()


@pytest.fixture
def mailer_for(mail_stack):
    """Starts a mailer for a sink; one at a time."""
    started = []

    def start(sink: SmtpSink, **variables):
        settings = {"MAIL_DIR": None, "SMTP_URL": sink.url, "SMTP_TLS": "off"} | variables
        mailer = mail_stack.add("mailer", **settings)
        started.append(mailer)
        return mailer.wait_ready()

    yield start
    for mailer in started:
        mailer.end(signal.SIGKILL)
        mail_stack.processes.remove(mailer)


@pytest.fixture
def ask(mail_stack):
    """Asks for a mail; returns the address."""
    def register() -> str:
        address = client.new_address()
        assert mail_stack.api().post("/register", json={"email": address}).status_code == 200
        return address
    return register


def test_a_mail_arrives(sink, mailer_for, ask):
    mailer_for(sink)
    address = ask()
    (message,) = sink.wait(address)
    assert message["To"] == address and client.token_in(message)
    assert sink.senders == ["mail@example.net"]
    assert all(len(line) <= 998 for line in sink.raw[0].split(b"\r\n"))
    assert b"\n" not in sink.raw[0].replace(b"\r\n", b"")


def test_login(mailer_for, ask):
    sink = SmtpSink(login=("robot", "secret")).start()
    try:
        mailer = mailer_for(sink, SMTP_USER="robot", SMTP_PASSWORD="secret")
        sink.wait(ask())
        assert sink.logins == [("robot", "secret")]
        assert "secret" not in mailer.log.read_text()
    finally:
        sink.stop()


def test_what_may_pass_is_tried_again(sink, mailer_for, ask):
    sink.replies = ["451 try again", "421 busy"]
    mailer_for(sink)
    address = ask()
    (message,) = sink.wait(address, timeout_s=60)
    assert len(sink.attempts) == 3
    assert message["Message-ID"]


def test_a_server_that_is_away_is_waited_for(mailer_for, ask):
    sink = SmtpSink()
    mailer_for(sink)
    address = ask()
    with pytest.raises(AssertionError):
        sink.wait(address, timeout_s=2)
    sink.start()
    try:
        sink.wait(address, timeout_s=60)
    finally:
        sink.stop()


def test_what_cannot_pass_is_not_tried_again(sink, mailer_for, ask):
    sink.replies = ["550 no such user"]
    mailer = mailer_for(sink)
    refused = ask()
    wait.until(lambda: len(sink.attempts) == 1, 20, "the refused mail was tried")
    for _ in range(3):
        sink.wait(ask())
    assert sink.to(refused) == [] and len(sink.attempts) == 4
    assert mailer.lines("mail refused for good") and refused not in mailer.log.read_text()


def test_a_restarted_mailer_sends_nothing_twice(sink, mailer_for, ask):
    first = mailer_for(sink)
    addresses = [ask() for _ in range(10)]
    for address in addresses:
        sink.wait(address)
    wait.until(lambda: len(first.lines("mail sent")) == 10, 10, "the mailer has recorded them")
    first.kill()
    mailer_for(sink)
    later = ask()
    sink.wait(later)
    assert [len(sink.to(address)) for address in addresses + [later]] == [1] * 11


def test_a_mailer_that_is_stopped_finishes_what_it_has(sink, mailer_for, ask):
    mailer = mailer_for(sink)
    addresses = [ask() for _ in range(10)]
    assert mailer.end(signal.SIGTERM) == 0
    mailer_for(sink)
    for address in addresses:
        sink.wait(address)
    assert all(len(sink.to(address)) == 1 for address in addresses)


def test_mail_waits_for_a_mailer(sink, mailer_for, ask):
    address = ask()
    mailer_for(sink)
    sink.wait(address)


def test_nothing_is_sent_in_the_clear_where_tls_is_asked_for(sink, mailer_for, ask):
    mailer_for(sink, SMTP_TLS="require")
    ask()
    with pytest.raises(AssertionError):
        wait.until(lambda: sink.attempts or sink.senders, 3, "a mail came")


def test_a_server_that_nobody_vouches_for_gets_nothing(mailer_for, ask, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
                    "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    sink = SmtpSink(tls_context=context).start()
    try:
        mailer_for(sink, SMTP_TLS="require")
        ask()
        with pytest.raises(AssertionError):
            wait.until(lambda: sink.attempts or sink.senders, 3, "a mail came")
    finally:
        sink.stop()
