"""What others wrote in JavaScript: npm packages of exact versions, installed once into build/node."""

import functools
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent / "node"
DIRECTORY = HERE.parents[2] / "build" / "node"


@functools.cache
def installed() -> pathlib.Path:
    done = subprocess.run([HERE / "install", DIRECTORY], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return DIRECTORY / "node_modules"


def run(script: str, request: dict) -> str:
    """A script of tests/e2e/node: JSON on its standard input; what it prints."""
    done = subprocess.run(["node", HERE / script], input=json.dumps(request), capture_output=True, text=True,
                          timeout=60, env=os.environ | {"NODE_PATH": str(installed())})
    assert done.returncode == 0, done.stderr
    return done.stdout


def stripe_signature(payload: str, secret: str, timestamp: int) -> str:
    """The value of Stripe-Signature."""
    return run("stripe_sign.js", {"payload": payload, "secret": secret, "timestamp": timestamp})
