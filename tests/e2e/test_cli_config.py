"""cronpulse config: where it is kept, for whom, and what goes before what."""

import json
import stat
import threading

import pytest

from cronpulse import Cronpulse

KEY = "cpk_0123456789abcdefghij"


@pytest.fixture
def cronpulse(tmp_path):
    return Cronpulse(tmp_path)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def shown(cronpulse, **variables) -> dict:
    done = cronpulse.run("config", "--json", variables=variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_documented_lines(cronpulse):
    assert cronpulse.run("config", "--api-key", KEY).returncode == 0
    assert cronpulse.run("config", "--server", "https://my-cronpulse.example.com").returncode == 0
    assert json.loads(cronpulse.file.read_text()) == {"api_key": KEY, "server": "https://my-cronpulse.example.com"}
    assert (mode(cronpulse.file), mode(cronpulse.file.parent)) == (0o600, 0o700)
    assert list(cronpulse.file.parent.iterdir()) == [cronpulse.file]
    done = cronpulse.run("config")
    assert "https://my-cronpulse.example.com" in done.stdout and str(cronpulse.file) in done.stdout
    assert KEY not in done.stdout and "cpk_****ghij" in done.stdout


def test_nothing_is_configured(cronpulse):
    assert shown(cronpulse) == {"server": "https://cron-pulse.com", "server_from": "default", "api_key": None,
                                "api_key_from": "default", "file": str(cronpulse.file)}
    assert "none" in cronpulse.run("config").stdout
    assert not cronpulse.file.parent.exists()


def test_the_environment_goes_before(cronpulse):
    cronpulse.run("config", "--api-key", KEY, "--server", "https://a.example.com")
    found = shown(cronpulse, CRONPULSE_SERVER="https://b.example.com/", CRONPULSE_API_KEY="coco_zzzzzzzzzzzzzzzz")
    assert (found["server"], found["server_from"]) == ("https://b.example.com", "environment")
    assert (found["api_key"], found["api_key_from"]) == ("coco_****zzzz", "environment")
    done = cronpulse.run("config", "--server", "https://c.example.com",
                         variables={"CRONPULSE_SERVER": "https://b.example.com"})
    assert done.returncode == 0 and "CRONPULSE_SERVER goes before" in done.stderr


def test_a_key_on_standard_input(cronpulse):
    assert cronpulse.run("config", "--api-key", "-", input=f"{KEY}\n").returncode == 0
    assert json.loads(cronpulse.file.read_text()) == {"api_key": KEY}
    assert cronpulse.run("config", "--api-key", "-", input="").returncode == 2
    assert cronpulse.run("config", "--api-key", "-", input="x" * 300).returncode == 2
    assert json.loads(cronpulse.file.read_text()) == {"api_key": KEY}


def test_forgetting(cronpulse):
    cronpulse.run("config", "--api-key", KEY, "--server", "https://a.example.com")
    assert cronpulse.run("config", "--api-key", "", "--server", "").returncode == 0
    assert json.loads(cronpulse.file.read_text()) == {}


def test_wrong_values_change_nothing(cronpulse):
    cronpulse.run("config", "--api-key", KEY)
    for wrong in (["--server", "my-cronpulse"], ["--server", "https://x/api/v1"], ["--api-key", "two words"],
                  ["--api-key", KEY, "--server", "ftp://x"]):
        done = cronpulse.run("config", *wrong)
        assert done.returncode == 2 and done.stderr.startswith("cronpulse: --"), wrong
    assert json.loads(cronpulse.file.read_text()) == {"api_key": KEY}


def test_a_broken_file(cronpulse):
    cronpulse.file.parent.mkdir()
    cronpulse.file.write_text("{")
    for line in (["config"], ["config", "--api-key", KEY], ["ping", "abc"], ["list"]):
        done = cronpulse.run(*line)
        assert done.returncode == 3 and str(cronpulse.file) in done.stderr
    assert cronpulse.file.read_text() == "{"


def test_a_file_that_others_may_read(cronpulse):
    cronpulse.run("config", "--api-key", KEY)
    cronpulse.file.chmod(0o644)
    assert "chmod 600" in cronpulse.run("config").stderr


def test_readers_see_the_old_or_the_new(cronpulse):
    cronpulse.run("config", "--server", "https://a.example.com")
    stop = threading.Event()
    broken = []

    def read():
        while not stop.is_set():
            try:
                json.loads(cronpulse.file.read_text())
            except (OSError, ValueError) as error:
                broken.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        assert cronpulse.run("config", "--server", f"https://{'x' * (number % 7)}a.example.com").returncode == 0
    stop.set()
    reader.join()
    assert broken == []


def test_no_home(cronpulse, receiver):
    """As in a container: environment and defaults serve."""
    lost = {"HOME": "", "CRONPULSE_SERVER": receiver.url("")}
    assert cronpulse.run("ping", "no-home", variables=lost).returncode == 0
