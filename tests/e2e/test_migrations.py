"""The schema: made by one command, at any time, by any number at once, with least privilege."""

import concurrent.futures

import psycopg
import pytest

import process
from postgres import Postgres

TABLES = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def database(postgres):
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS croncoco")
    postgres.create_database()
    return postgres


def migrate(database):
    return process.run("scheduler", "migrate", variables={"DATABASE_URL": database.url()})


def test_twice(database):
    first = migrate(database)
    assert first.returncode == 0, first.stderr
    schema = database.query(TABLES)
    assert len({row[0] for row in schema}) >= 10
    again = migrate(database)
    assert again.returncode == 0, again.stderr
    assert database.query(TABLES) == schema


def test_at_once_from_several(database):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for done in pool.map(lambda _: migrate(database), range(6)):
            assert done.returncode == 0, done.stderr
    assert database.query("SELECT count(*) FROM plans")[0][0] >= 3


def test_without_a_server():
    done = process.run("scheduler", "migrate", variables={"DATABASE_URL": "postgresql://postgres@/none?host=/nonexistent"})
    assert done.returncode not in (0, 64) and done.stderr


def test_data_stays(database):
    migrate(database)
    database.query("INSERT INTO accounts (id, email, key_hash, created_at) VALUES (7, 'a@example.com', '\\x00', now())")
    assert migrate(database).returncode == 0
    assert database.query("SELECT email FROM accounts") == [("a@example.com",)]


@pytest.mark.parametrize("role, statement, allowed", [
    ("gateway", "SELECT id, email, plan, failure_email_enabled, key_hash FROM accounts", True),
    ("gateway", "SELECT * FROM jobs", True),
    ("gateway", "SELECT * FROM executions", True),
    ("gateway", "SELECT * FROM billing", True),
    ("gateway", "SELECT id, fingerprint, status, body FROM answers", True),
    ("gateway", "UPDATE billing SET version = 0", False),
    ("dispatcher", "SELECT * FROM billing", False),
    ("gateway", "SELECT * FROM tokens", False),
    ("gateway", "SELECT * FROM outbox", False),
    ("gateway", "SELECT * FROM answers", False),
    ("gateway", "UPDATE jobs SET name = 'x'", False),
    ("gateway", "DELETE FROM executions", False),
    ("gateway", "INSERT INTO purges VALUES (1)", False),
    ("gateway", "UPDATE lease SET epoch = 9", False),
    ("dispatcher", "SELECT id, webhook_url, headers, payload FROM jobs", True),
    ("dispatcher", "SELECT * FROM accounts", False),
    ("dispatcher", "SELECT * FROM executions", False),
    ("dispatcher", "UPDATE jobs SET name = 'x'", False),
    ("scheduler", "UPDATE jobs SET name = 'x'", True),
    ("scheduler", "DROP TABLE jobs", False),
    ("scheduler", "CREATE TABLE mine (x int)", False),
    ("scheduler", "UPDATE plans SET active_jobs = 1", False),
])
def test_roles(database, role, statement, allowed):
    migrate(database)
    with psycopg.connect(database.url(f"croncoco_{role}"), autocommit=True) as connection:
        if allowed:
            connection.execute(statement)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
