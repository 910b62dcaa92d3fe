"""A private PostgreSQL, reached through a Unix socket."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import psycopg

import child
import wait

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
DATABASE = "croncoco"


def binaries() -> pathlib.Path:
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if not found:
        raise RuntimeError("no PostgreSQL server below /usr/lib/postgresql: install postgresql")
    return found[-1]


class Postgres:
    def __init__(self, fsync: bool = False, **settings: str):
        # PostgreSQL refuses to run as root; a Unix socket's path must be short.
        self.as_user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cc-pg-", dir="/tmp"))
        if self.as_user:
            entry = pwd.getpwnam("postgres")
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        self.log = self.directory / "log"
        self.process = None
        self.settings = SETTINGS | {"fsync": "on" if fsync else "off"} | settings
        self._run("initdb", "-D", self.directory / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")

    def _run(self, program: str, *arguments) -> None:
        done = subprocess.run([binaries() / program, *arguments], cwd=self.directory, capture_output=True,
                              text=True, **self.as_user)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")

    def start(self) -> None:
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        with open(self.log, "ab") as log:
            self.process = child.start(
                [binaries() / "postgres", "-D", self.directory / "data", "-k", self.directory, *options], log,
                on_orphaned=signal.SIGQUIT, cwd=self.directory, **self.as_user)
        wait.until(self._answers, 30, f"PostgreSQL in {self.directory} accepts connections")

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{self.log.read_text()[-3000:]}")
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    def url(self, role: str = "postgres", database: str = DATABASE) -> str:
        return f"postgresql://{role}@/{database}?host={self.directory}"

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.url(), autocommit=True)

    def query(self, sql: str, *parameters) -> list[tuple]:
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends sessions and shuts down; SIGQUIT is a crash, with recovery at the next start."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(60)
        self.process = None

    def crash(self) -> None:
        self.stop(signal.SIGQUIT)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)
