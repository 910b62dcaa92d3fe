"""Mail by SMTP: what passes is tried again, what does not is not, and nothing is sent twice."""

import signal
import time

import pytest

import client
import process
import wait
from smtp import Authority, SmtpSink

pytestmark = pytest.mark.xdist_group("mailer")

LOGIN = ("robot", "hush-hush")
TLS_AND_LOGIN = {"SMTP_TLS": "require", "SMTP_USER": LOGIN[0], "SMTP_PASSWORD": LOGIN[1]}


@pytest.fixture(scope="module")
def mail_stack(request):
    import conftest
    from stack import Stack
    yield from conftest.run_stack(request, Stack(dispatchers=0, mailer=False))


@pytest.fixture
def sink_for():
    """Starts servers of a test's own."""
    started = []

    def start(**options) -> SmtpSink:
        started.append(SmtpSink(**options).start())
        return started[-1]

    yield start
    for sink in started:
        sink.stop()


@pytest.fixture
def sink(sink_for):
    return sink_for()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


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


def refusals(mailer) -> list[dict]:
    """The log's lines of mails that are tried again, once there are two."""
    def logged():
        lines = mailer.lines("mail not sent, tried again later")
        return lines if len(lines) >= 2 else None
    return wait.until(logged, 20, "a mail was tried twice")


def arrives_after_all(address, authority, sink_for, mailer_for) -> None:
    """Once, by a mailer and a server with which all is well: the mail was not lost."""
    sink = sink_for(tls=authority.server(), login=LOGIN)
    mailer_for(sink, SMTP_CA_FILE=authority.file, **TLS_AND_LOGIN)
    sink.wait(address)
    assert len(sink.to(address)) == 1


def test_a_mail_arrives(sink, mailer_for, ask):
    mailer_for(sink)
    address = ask()
    (message,) = sink.wait(address)
    assert message["To"] == address and client.token_in(message)
    assert sink.senders == ["mail@example.net"]
    assert all(len(line) <= 998 for line in sink.raw[0].split(b"\r\n"))
    assert b"\n" not in sink.raw[0].replace(b"\r\n", b"")


def test_login(sink_for, mailer_for, ask):
    sink = sink_for(login=LOGIN)
    mailer = mailer_for(sink, SMTP_USER=LOGIN[0], SMTP_PASSWORD=LOGIN[1])
    sink.wait(ask())
    assert sink.logins == [LOGIN]
    assert LOGIN[1] not in mailer.log.read_text()


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


OF_JOB = {"job_id": 1, "job_name": "job", "code": 410, "error": "HTTP 410", "failed_ms": 1, "since_ms": 1,
          "pause_ms": 0, "count": 1}
OF_CHECK = {"channel": 1, "at_ms": 1, "since_ms": 1, "reason": "missed", "period_s": 60, "grace_s": 60, "schedule": "",
            "reminder": 0, "count": 1, "checks": [{"id": "a", "name": "check", "last_ping_ms": 0}]}


@pytest.mark.parametrize("kind, news", [("gone", OF_JOB), ("check_down", OF_CHECK)])
def test_news_is_dropped_after_two_days(mail_stack, sink, mailer_for, kind, news):
    def publish(age_s: int) -> str:
        address = client.new_address()
        mail = {"v": 1, "kind": kind, "id": f"{kind}-{age_s}", "to": address,
                "created_ms": int((time.time() - age_s) * 1000), "expires_ms": 0} | news
        with mail_stack.nats.client() as connection:
            assert connection.request(f"mail.{kind}", mail)["seq"]
        return address
    old, new = publish(2 * 86400 + 60), publish(2 * 86400 - 60)
    mailer = mailer_for(sink)
    sink.wait(new)
    assert mailer.lines("mail dropped, it comes too late") and not sink.to(old)


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


@pytest.mark.parametrize("tls_from_start", [False, True], ids=["starttls", "smtps"])
def test_tls_by_a_private_ca_and_login(tls_from_start, authority, sink_for, mailer_for, ask):
    sink = sink_for(tls=authority.server(), tls_from_start=tls_from_start, login=LOGIN)
    mailer = mailer_for(sink, SMTP_CA_FILE=authority.file, **TLS_AND_LOGIN)
    address = ask()
    sink.wait(address)
    assert sink.attempts == [((address,), True)] and sink.logins == [LOGIN]
    assert sink.verbs_in_the_clear() == (set() if tls_from_start else {b"EHLO", b"STARTTLS"})
    assert LOGIN[1] not in mailer.log.read_text()


@pytest.mark.parametrize("tls_from_start", [False, True], ids=["starttls", "smtps"])
@pytest.mark.parametrize("flaw", ["unknown CA", "another's name"])
def test_a_server_that_nobody_vouches_for_gets_nothing(flaw, tls_from_start, authority, sink_for, mailer_for, ask):
    tls, trusted = authority.server(), {}
    if flaw == "another's name":
        tls, trusted = authority.server("IP:127.0.0.2"), {"SMTP_CA_FILE": authority.file}
    sink = sink_for(tls=tls, tls_from_start=tls_from_start, login=LOGIN)
    mailer = mailer_for(sink, **TLS_AND_LOGIN, **trusted)
    address = ask()
    assert "certificate" in refusals(mailer)[-1]["reason"]
    assert sink.verbs_in_the_clear() == (set() if tls_from_start else {b"EHLO", b"STARTTLS"})
    assert not sink.under_tls and not sink.logins
    assert mailer.end() == 0
    arrives_after_all(address, authority, sink_for, mailer_for)


def test_nothing_is_sent_in_the_clear_where_tls_is_asked_for(authority, sink_for, mailer_for, ask):
    sink = sink_for(login=LOGIN)
    mailer = mailer_for(sink, SMTP_CA_FILE=authority.file, **TLS_AND_LOGIN)
    address = ask()
    assert "TLS" in refusals(mailer)[-1]["reason"]
    assert sink.verbs_in_the_clear() <= {b"EHLO", b"QUIT"} and not sink.logins
    assert mailer.end() == 0
    arrives_after_all(address, authority, sink_for, mailer_for)


def test_a_refused_login_is_tried_again(authority, sink_for, mailer_for, ask):
    sink = sink_for(tls=authority.server(), login=(LOGIN[0], "another"))
    mailer = mailer_for(sink, SMTP_CA_FILE=authority.file, **TLS_AND_LOGIN)
    address = ask()
    line = refusals(mailer)[-1]
    assert line["code"] == 535 and "login" in line["reason"]
    assert sink.senders == [] and LOGIN in sink.logins
    sink.login = LOGIN
    sink.wait(address, timeout_s=30)
    assert len(sink.to(address)) == 1 and LOGIN[1] not in mailer.log.read_text()


def test_a_refusal_is_not_final_where_the_login_did_not_happen(sink, mailer_for, ask):
    sink.replies = ["550 no relaying"]
    mailer_for(sink, SMTP_USER=LOGIN[0], SMTP_PASSWORD=LOGIN[1])
    sink.wait(ask())
    assert len(sink.attempts) == 2


def test_a_server_that_serves_nobody_is_waited_for(sink, mailer_for, ask):
    sink.greetings = ["554 not today"]
    mailer = mailer_for(sink)
    sink.wait(ask())
    assert [line["code"] for line in mailer.lines("mail not sent, tried again later")] == [554]


def test_a_ca_file_that_is_missing_ends_the_mailer(mail_stack, tmp_path):
    variables = {"NATS_URL": mail_stack.nats.url, "CRONCOCO_SECRET": mail_stack.secret,
                 "SMTP_URL": "smtp://127.0.0.1:1", "SMTP_CA_FILE": tmp_path / "missing"}
    ended = process.run("mailer", variables=variables)
    assert ended.returncode == 64 and "SMTP_CA_FILE" in ended.stderr
