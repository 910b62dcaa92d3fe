"""Fixtures: a stack for each worker, shared by its tests, and stacks of their own for tests that break things."""

import pytest

from receiver import Receiver
from stack import Stack

STACKS = pytest.StashKey[list]()


def pytest_collection_modifyitems(items):
    """Tests that break things wait for whole minutes: they begin first, so that nobody waits for them at the end."""
    items.sort(key=lambda item: "make_stack" not in item.fixturenames)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the ends of the processes' logs."""
    report = (yield).get_result()
    if report.failed:
        for stack in item.session.stash.get(STACKS, []):
            report.sections.append((f"processes of {stack.directory}", stack.tails()))


def run_stack(request, stack: Stack):
    running = request.session.stash.setdefault(STACKS, [])
    running.append(stack)
    try:
        yield stack.start()
    finally:
        running.remove(stack)
        stack.stop()


@pytest.fixture(scope="session")
def stack(request):
    """Shared: a test uses an account of its own, and harms no process. So nothing goes wrong in them."""
    shared = Stack(gateways=2)
    for started in run_stack(request, shared):
        yield started
        assert shared.complaints() == []


@pytest.fixture
def make_stack(request):
    """Stacks of a test's own: make_stack(schedulers=2, LEASE_TTL_MS="2000")."""
    made = []

    def make(**options) -> Stack:
        runner = run_stack(request, Stack(**options))
        made.append(runner)
        return next(runner)

    yield make
    for runner in reversed(made):
        next(runner, None)


@pytest.fixture(scope="session")
def receiver():
    started = Receiver().start()
    yield started
    started.stop()


@pytest.fixture
def api(stack):
    """An account of the free plan."""
    client = stack.account()
    yield client
    client.close()


@pytest.fixture
def business(stack):
    client = stack.account("business")
    yield client
    client.close()


@pytest.fixture
def anonymous(stack):
    client = stack.api()
    yield client
    client.close()
