"""What the build makes of cronpulse for others to install."""

import functools
import os
import pathlib
import subprocess

import process

BUILD = process.BINARIES.parent


def package(pattern: str) -> pathlib.Path:
    found = sorted((BUILD / "packages").glob(pattern))
    assert len(found) == 1, f"{found} in {BUILD}/packages: build the target cli_packages, into an empty folder"
    return found[0]


@functools.cache
def version() -> str:
    return subprocess.run([process.binary("cronpulse"), "--version"], capture_output=True, text=True,
                          check=True).stdout.split()[1]


def npm(directory: pathlib.Path, *arguments) -> subprocess.CompletedProcess:
    """npm, which keeps everything of it in a directory, and asks nobody."""
    own = {"HOME": directory, "npm_config_cache": directory / "cache", "npm_config_offline": "true",
           "npm_config_audit": "false", "npm_config_fund": "false", "npm_config_update_notifier": "false"}
    return subprocess.run(["npm", *arguments], cwd=directory, capture_output=True, text=True, timeout=120,
                          env={"PATH": os.environ["PATH"]} | {name: str(value) for name, value in own.items()})


def npm_install(directory: pathlib.Path) -> pathlib.Path:
    """npm install -g into a prefix; returns the prefix."""
    prefix = directory / "prefix"
    done = npm(directory, "install", "-g", "--prefix", prefix, package("cron-pulse-cli-*.tgz"))
    assert done.returncode == 0, done.stderr
    return prefix
