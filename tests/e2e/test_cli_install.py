"""Each way to install cronpulse: what is there afterwards works, and nothing is left behind."""

import json
import re
import signal
import subprocess
import tarfile

import pytest

import installed
from cronpulse import Cronpulse, python


def works(cronpulse, receiver, check) -> None:
    assert cronpulse.run("--version").stdout == f"cronpulse {installed.version()}\n"
    assert cronpulse.run("ping", check, "--start").returncode == 0
    assert len(receiver.requests(f"/ping/{check}/start")) == 1
    done = cronpulse.run("wrap", check, "--log", "--", "sh", "-c", "cat; exit 3", input="through")
    assert (done.returncode, done.stdout, done.stderr) == (3, "through", "")
    assert receiver.requests(f"/ping/{check}/fail")[-1].body == b"through"
    job = python("import signal; print('ready', flush=True); print(signal.sigwait([signal.SIGTERM]))")
    run = cronpulse.start("wrap", check, "--", *job, stdout=subprocess.PIPE, text=True, preexec_fn=lambda:
                          signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]))
    assert run.stdout.readline() == "ready\n"
    run.terminate()
    assert run.communicate(timeout=30)[0].strip() in ("15", "Signals.SIGTERM") and run.returncode == 0


def test_cmake_install(tmp_path, receiver):
    done = subprocess.run(["cmake", "--install", installed.BUILD, "--component", "cli", "--prefix", "/usr/local"],
                          env={"PATH": "/usr/bin:/bin", "DESTDIR": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["usr/local/bin/cronpulse", "usr/local/share/doc/cronpulse/README.md",
                     "usr/local/share/doc/cronpulse/copyright"]
    works(Cronpulse(tmp_path, receiver.url(""), tmp_path / files[0]), receiver, "installed-by-cmake")


@pytest.fixture
def debian(tmp_path):
    """A dpkg with a root directory and a database of its own."""
    root = tmp_path / "root"
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/updates").mkdir()
    (root / "var/lib/dpkg/status").touch()

    def run(*arguments):
        # Its database has no libc6; whether the dependencies can be had is another test's business.
        return subprocess.run(["dpkg", f"--root={root}", f"--log={tmp_path}/dpkg.log", "--force-not-root",
                               "--force-depends", *arguments], capture_output=True, text=True, timeout=60)

    run.root = root
    return run


def test_deb(tmp_path, receiver, debian):
    done = debian("-i", installed.package("cronpulse_*.deb"))
    assert done.returncode == 0, done.stderr
    works(Cronpulse(tmp_path, receiver.url(""), debian.root / "usr/bin/cronpulse"), receiver, "installed-by-dpkg")
    done = debian("-P", "cronpulse")
    assert done.returncode == 0, done.stderr
    assert not (debian.root / "usr/bin/cronpulse").exists() and not (debian.root / "usr/share/doc/cronpulse").exists()


def test_deb_depends_on_what_is_there():
    """As far as this machine knows, nothing is missing; nothing is installed for that."""
    deb = installed.package("cronpulse_*.deb")
    fields = subprocess.run(["dpkg-deb", "-f", deb], capture_output=True, text=True, check=True).stdout
    assert "Package: cronpulse\n" in fields and f"Version: {installed.version()}\n" in fields
    names = re.search("^Depends: (.*)$", fields, re.M)[1].split(", ")
    assert [name.split()[0] for name in names] == ["libc6", "libcjson1", "libcurl4"]
    for name in names:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", name.split()[0]], capture_output=True,
                              text=True)
        assert done.stdout == "installed", name


def test_npm(tmp_path, receiver):
    prefix = installed.npm_install(tmp_path)
    cronpulse = Cronpulse(tmp_path, receiver.url(""), prefix / "bin/cronpulse")
    works(cronpulse, receiver, "installed-by-npm")
    package = prefix / "lib/node_modules/cron-pulse-cli"
    loaded = cronpulse.run("ping", "a", variables={"LD_DEBUG": "libs"}).stderr
    assert f"calling init: {package}/lib/libcjson.so.1" in loaded  # its own, as few machines have one

    done = installed.npm(tmp_path, "uninstall", "-g", "--prefix", prefix, "cron-pulse-cli")
    assert done.returncode == 0, done.stderr
    assert not (prefix / "bin/cronpulse").is_symlink() and not package.exists()


def test_npx(tmp_path, receiver):
    """npx cron-pulse-cli ping YOUR_CHECK_ID, with the package from a file in place of the registry."""
    tarball = installed.package("cron-pulse-cli-*.tgz")
    (tmp_path / ".npmrc").write_text("")
    done = installed.npm(tmp_path, "exec", "--yes", f"file:{tarball}", "--", "config", "--server", receiver.url(""))
    assert done.returncode == 0, done.stderr
    done = installed.npm(tmp_path, "exec", "--yes", f"file:{tarball}", "--", "ping", "by-npx", "--fail")
    assert done.returncode == 0, done.stderr
    assert len(receiver.requests("/ping/by-npx/fail")) == 1


def test_npm_package():
    with tarfile.open(installed.package("cron-pulse-cli-*.tgz")) as package:
        modes = {member.name.removeprefix("package/"): member.mode & 0o777 for member in package.getmembers()}
        described = json.load(package.extractfile("package/package.json"))
        readme = package.extractfile("package/README.md").read().decode()
    assert modes == {"package.json": 0o644, "README.md": 0o644, "LICENSE": 0o644, "THIRD-PARTY": 0o644,
                     "bin/cronpulse": 0o755, "lib/cronpulse": 0o755, "lib/libcjson.so.1": 0o644}
    assert (described["name"], described["version"]) == ("cron-pulse-cli", installed.version())
    assert described["bin"] == {"cronpulse": "bin/cronpulse"} and described["os"] == ["linux"]
    assert "dependencies" not in described and "scripts" not in described
    assert "libcurl" in readme and "glibc 2.34" in readme


def test_npm_program_runs_on_older_machines(tmp_path):
    """What it asks of the C library is no newer than what the README says."""
    with tarfile.open(installed.package("cron-pulse-cli-*.tgz")) as package:
        package.extractall(tmp_path)
    needed = set()
    for name in ("cronpulse", "libcjson.so.1"):
        symbols = subprocess.run(["objdump", "-p", tmp_path / "package/lib" / name], capture_output=True, text=True,
                                 check=True).stdout
        assert re.findall(r"NEEDED +(\S+)", symbols) in (["libcjson.so.1", "libc.so.6"], ["libc.so.6"],
                                                         ["libm.so.6", "libc.so.6"])
        needed |= set(re.findall(r"GLIBC_([0-9.]+)", symbols))
    assert max(tuple(int(part) for part in version.split(".")) for version in needed) == (2, 34)


def test_npm_launcher_says_what_is_missing(tmp_path):
    prefix = installed.npm_install(tmp_path)
    cronpulse = Cronpulse(tmp_path, None, prefix / "bin/cronpulse")
    package = prefix / "lib/node_modules/cron-pulse-cli"
    (package / "lib/cronpulse").unlink()
    done = cronpulse.run("--version")
    assert done.returncode == 127 and "npm install -g cron-pulse-cli" in done.stderr
