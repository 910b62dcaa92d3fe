"""An SMTP server on loopback that keeps what it accepted and fails by script."""

import email
import email.policy
import pathlib
import ssl
import subprocess

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

import ports
import wait


class Authority:
    """A CA that nobody knows, and certificates by it."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.file = directory / "ca.pem"
        self._openssl("req", "-x509", *self._new_key("ca"), "-days", "1", "-subj", "/CN=a private CA",
                      "-out", self.file)

    def _new_key(self, name: str) -> list:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.directory / f"{name}.key"]

    def _openssl(self, *arguments) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)

    def server(self, name: str = "IP:127.0.0.1") -> ssl.SSLContext:
        """A server's TLS, with a certificate for that name."""
        request, extensions, certificate = (self.directory / f"server.{end}" for end in ("csr", "ext", "pem"))
        extensions.write_text(f"subjectAltName={name}\nbasicConstraints=CA:FALSE\n")
        self._openssl("req", *self._new_key("server"), "-subj", "/CN=relay", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.directory / "ca.key",
                      "-CAcreateserial", "-days", "1", "-extfile", extensions, "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self.directory / "server.key")
        return context


class _Handler:
    def __init__(self, sink: "SmtpSink"):
        self.sink = sink

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return [line for line in responses if self.sink.login or not line.startswith("250-AUTH")]

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.sink.senders.append(address)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.sink.attempts.append((tuple(envelope.rcpt_tos), server.under_tls()))
        reply = self.sink.replies.pop(0) if self.sink.replies else "250 OK"
        if reply.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.sink.accepted.append((tuple(envelope.rcpt_tos), message))
            self.sink.raw.append(envelope.content)
        return reply


class _Server(SMTP):
    def __init__(self, sink: "SmtpSink", handler: _Handler, **options):
        self.sink = sink
        self.greeted = False
        super().__init__(handler, **options)

    def under_tls(self) -> bool:
        return self.transport.get_extra_info("sslcontext") is not None

    def data_received(self, data: bytes) -> None:
        (self.sink.under_tls if self.under_tls() else self.sink.in_the_clear).extend(data)
        super().data_received(data)

    async def push(self, status):
        if not self.greeted and self.sink.greetings:
            status = self.sink.greetings.pop(0)
        self.greeted = True
        await super().push(status)


class _Controller(Controller):
    def __init__(self, sink: "SmtpSink", **options):
        self.sink = sink
        super().__init__(_Handler(sink), hostname="127.0.0.1", port=sink.port, **options)

    def factory(self) -> SMTP:
        return _Server(self.sink, self.handler, **self.SMTP_kwargs)


class SmtpSink:
    def __init__(self, tls: ssl.SSLContext | None = None, tls_from_start: bool = False,
                 login: tuple[str, str] | None = None):
        """With tls it serves nobody in the clear: by STARTTLS, or from the start."""
        self.port = ports.free_port()
        self.greetings: list[str] = []  # for the next connections; then a friendly one
        self.replies: list[str] = []  # for the next DATA commands; then "250 OK"
        self.attempts: list[tuple] = []  # every DATA: recipients, whether under TLS
        self.accepted: list[tuple] = []  # recipients, message
        self.raw: list[bytes] = []
        self.senders: list[str] = []
        self.logins: list[tuple[str, str]] = []
        self.in_the_clear = bytearray()  # every byte that came
        self.under_tls = bytearray()
        self.login = login
        self.scheme = "smtps" if tls_from_start else "smtp"
        options = {}
        if tls and tls_from_start:
            options = {"ssl_context": tls}
        elif tls:
            options = {"tls_context": tls, "require_starttls": True}
        if login:
            # Of TLS from the start aiosmtpd knows nothing.
            options |= {"authenticator": self._authenticate, "auth_required": True,
                        "auth_require_tls": "tls_context" in options}
        self.controller = _Controller(self, **options)

    def _authenticate(self, server, session, envelope, mechanism, data):
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given)
        return AuthResult(success=given == self.login, handled=given == self.login)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> "SmtpSink":
        self.controller.start()
        return self

    def stop(self) -> None:
        self.controller.stop()

    def verbs_in_the_clear(self) -> set[bytes]:
        return {line.split(b" ")[0] for line in bytes(self.in_the_clear).split(b"\r\n") if line}

    def to(self, address: str) -> list:
        return [message for recipients, message in self.accepted if address in recipients]

    def wait(self, address: str, count: int = 1, timeout_s: float = 20) -> list:
        wait.until(lambda: len(self.to(address)) >= count, timeout_s, f"{count} mails to {address}")
        return self.to(address)
