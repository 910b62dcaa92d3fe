"""An SMTP server on loopback that keeps what it accepted and fails by script."""

import email
import email.policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

import ports
import wait


class _Handler:
    def __init__(self, sink: "SmtpSink"):
        self.sink = sink

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.sink.senders.append(address)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.sink.attempts.append((tuple(envelope.rcpt_tos), bool(session.ssl)))
        reply = self.sink.replies.pop(0) if self.sink.replies else "250 OK"
        if reply.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.sink.accepted.append((tuple(envelope.rcpt_tos), message))
            self.sink.raw.append(envelope.content)
        return reply


class SmtpSink:
    def __init__(self, tls_context=None, login: tuple[str, str] | None = None):
        self.port = ports.free_port()
        self.replies: list[str] = []  # for the next DATA commands; then "250 OK"
        self.attempts: list[tuple] = []  # every DATA: recipients, whether under TLS
        self.accepted: list[tuple] = []  # recipients, message
        self.raw: list[bytes] = []
        self.senders: list[str] = []
        self.logins: list[tuple[str, str]] = []
        options = {}
        if login:
            options = {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": False}
        self.login = login
        self.controller = Controller(_Handler(self), hostname="127.0.0.1", port=self.port,
                                     tls_context=tls_context, **options)

    def _authenticate(self, server, session, envelope, mechanism, data):
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == self.login, handled=given == self.login)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> "SmtpSink":
        self.controller.start()
        return self

    def stop(self) -> None:
        self.controller.stop()

    def to(self, address: str) -> list:
        return [message for recipients, message in self.accepted if address in recipients]

    def wait(self, address: str, count: int = 1, timeout_s: float = 20) -> list:
        wait.until(lambda: len(self.to(address)) >= count, timeout_s, f"{count} mails to {address}")
        return self.to(address)
