"""Everything together: PostgreSQL, NATS, and our processes, on ports and in a directory of their own."""

import pathlib
import secrets
import shutil
import tempfile

import ports
import process
from client import Api, MailDir
from nats import Nats
from postgres import Postgres
from process import Process

PUBLIC_URL = "https://api.croncoco.io"
# Tests ask for many registrations from one client address, and for much of one account.
GATEWAY = {"CLIENT_RATE_PER_MINUTE": "100000", "API_RATE_PER_MINUTE": "100000"}


class Stack:
    def __init__(self, gateways: int = 1, schedulers: int = 1, dispatchers: int = 2, mailer: bool = True,
                 fsync: bool = False, **variables: str):
        """variables go into every process's environment."""
        self.counts = {"gateway": gateways, "scheduler": schedulers, "dispatcher": dispatchers,
                       "mailer": int(mailer)}
        self.variables = variables
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cc-stack-", dir="/tmp"))
        self.mail = MailDir(self.directory / "mail")
        self.mail.directory.mkdir()
        self.secret = secrets.token_hex(32)
        self.signing_secret = secrets.token_hex(32)
        self.postgres = Postgres(fsync=fsync)
        self.nats = Nats()
        self.processes: list[Process] = []

    def start(self) -> "Stack":
        self.start_servers()
        self.migrate()
        self.start_processes()
        return self

    def start_servers(self) -> None:
        self.postgres.start()
        self.postgres.create_database()
        self.nats.start()

    def migrate(self) -> None:
        done = process.run("scheduler", "migrate", variables={"DATABASE_URL": self.postgres.url()})
        assert done.returncode == 0, done.stderr

    def start_processes(self) -> None:
        for program in ("scheduler", "dispatcher", "mailer", "gateway"):
            for _ in range(self.counts[program]):
                self.add(program)
        for each in self.processes:
            each.wait_ready()

    def add(self, program: str, **variables: str) -> Process:
        """One more process, started; variables override what the stack gives it."""
        own = {"NATS_URL": self.nats.url}
        if program != "mailer":
            own["DATABASE_URL"] = self.postgres.url(f"croncoco_{program}")
        if program in ("gateway", "mailer"):
            own["CRONCOCO_SECRET"] = self.secret
        if program in ("gateway", "dispatcher"):
            own["WEBHOOK_ALLOW_CIDRS"] = "127.0.0.0/8,::1/128"
            own["WEBHOOK_SIGNING_SECRET"] = self.signing_secret
        if program == "gateway":
            own |= GATEWAY | {"PORT": str(ports.free_port()), "PUBLIC_URL": PUBLIC_URL}
        if program == "mailer":
            own |= {"MAIL_DIR": str(self.mail.directory), "MAIL_FROM": "CronCoco <mail@example.net>",
                    "PUBLIC_URL": PUBLIC_URL}
        own |= self.variables | variables
        name = f"{program}-{sum(each.program == program for each in self.processes) + 1}"
        added = Process(program, name, {key: value for key, value in own.items() if value is not None},
                        self.directory)
        self.processes.append(added)
        return added.start()

    def of(self, program: str) -> list[Process]:
        return [each for each in self.processes if each.program == program]

    def leader(self) -> Process:
        """The scheduler that holds the lease."""
        instance = self.postgres.query("SELECT split_part(holder, '/', 1) FROM lease")[0][0]
        return next(each for each in self.of("scheduler") if each.variables["INSTANCE"] == instance)

    def epoch(self) -> int:
        return self.postgres.query("SELECT epoch FROM lease")[0][0]

    def url(self, gateway: int = 0) -> str:
        return f"http://127.0.0.1:{self.port(gateway)}"

    def port(self, gateway: int = 0) -> int:
        return int(self.of("gateway")[gateway].variables["PORT"])

    def api(self, gateway: int = 0, key: str | None = None) -> Api:
        return Api(self.url(gateway), self.mail, key)

    def account(self, plan: str = "free", gateway: int = 0) -> Api:
        api = self.api(gateway).register()
        if plan != "free":
            self.set_plan(api.address, plan)
        return api

    def set_plan(self, address: str, plan: str):
        done = process.run("scheduler", "set-plan", address, plan, variables={"NATS_URL": self.nats.url})
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def stop(self) -> None:
        for each in self.processes:
            if each.alive():
                each.resume()
                each.kill()
        self.nats.remove()
        self.postgres.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def complaints(self) -> list[str]:
        """What a stack that nobody harms must not log, and processes that ended by themselves."""
        ended = [f"{each.name} ended" for each in self.processes if not each.alive()]
        return ended + [line for each in self.processes for line in each.log.read_text(errors="replace").splitlines()
                        if not line.startswith('{"time"') or '"level":"error"' in line or '"term ends"' in line]

    def tails(self) -> str:
        return "\n".join(f"--- {each.name} ({'alive' if each.alive() else 'ended'})\n{each.tail()}"
                         for each in self.processes)
