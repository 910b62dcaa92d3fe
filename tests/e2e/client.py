"""A client of the API: an account that registers itself by the mail that it gets."""

import email
import email.policy
import pathlib
import re
import secrets

import httpx

import contract
import wait

TOKEN = re.compile(r"(?<![0-9A-Za-z_-])[0-9A-Za-z]{50,90}(?![0-9A-Za-z_-])")


def new_address() -> str:
    return f"user-{secrets.token_hex(8)}@example.com"


class MailDir:
    """The .eml files that the mailer writes."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.read: dict[pathlib.Path, email.message.EmailMessage] = {}

    def to(self, address: str) -> list[email.message.EmailMessage]:
        for path in self.directory.glob("[!.]*.eml"):  # hidden ones are being written
            if path not in self.read:
                self.read[path] = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found = [item for item in self.read.items() if address in item[1]["To"]]
        return [message for _, message in sorted(found, key=lambda item: item[0].stat().st_mtime_ns)]

    def wait(self, address: str, count: int = 1, timeout_s: float = 20) -> list[email.message.EmailMessage]:
        wait.until(lambda: len(self.to(address)) >= count, timeout_s, f"{count} mails to {address}")
        return self.to(address)


def text_of(message) -> str:
    return message.get_body(("plain",)).get_content()


def html_of(message) -> str:
    return message.get_body(("html",)).get_content()


def token_in(message) -> str:
    tokens = set(TOKEN.findall(text_of(message)))
    assert len(tokens) == 1, f"one token in the mail, not {tokens}:\n{text_of(message)}"
    return tokens.pop()


def request(method: str, url: str, **options) -> httpx.Response:
    """One request on a connection of its own; its answer is held against the contract."""
    with httpx.Client(timeout=60, trust_env=False, event_hooks={"response": [contract.check]}) as each:
        return each.request(method, url, **options)


class Api(httpx.Client):
    """One gateway; with a key once it is registered. Every answer is held against the contract."""

    def __init__(self, base_url: str, mail: MailDir, key: str | None = None):
        super().__init__(base_url=base_url, timeout=60, trust_env=False, event_hooks={"response": [contract.check]})
        self.mail = mail
        self.address = None
        self.key = None
        if key:
            self.use_key(key)

    def use_key(self, key: str) -> None:
        self.key = key
        self.headers["Authorization"] = f"Bearer {key}"

    def request_token(self, path: str, address: str) -> str:
        before = len(self.mail.to(address))
        answer = self.post(path, json={"email": address})
        assert answer.is_success, answer.text
        return token_in(self.mail.wait(address, before + 1)[-1])

    def register(self, address: str | None = None) -> "Api":
        self.address = address or new_address()
        token = self.request_token("/register", self.address)
        answer = self.post("/verify-email", json={"token": token})
        assert answer.is_success, answer.text
        self.use_key(answer.json()["api_key"])
        return self

    def create_job(self, **fields) -> dict:
        body = {"name": "job", "cron_expression": "0 * * * *", "webhook_url": "http://127.0.0.1:9/never"} | fields
        answer = self.post("/jobs", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def executions(self, job: int, **query) -> list[dict]:
        answer = self.get(f"/jobs/{job}/executions", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_executions(self, job: int, count: int = 1, timeout_s: float = 75) -> list[dict]:
        """Finished ones, the newest first."""
        def finished():
            found = [row for row in self.executions(job) if row["status"] != "pending"]
            return found if len(found) >= count else None
        return wait.until(finished, timeout_s, f"{count} finished executions of job {job}", 0.1)
