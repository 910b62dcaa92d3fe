"""Checks, channels and keys survive the leader: the next one knows what commands made, and goes on from there."""

import itertools
import secrets
import threading

import wait

LEASE = {"LEASE_TTL_MS": "2000"}


def created(answer, name: str) -> dict:
    assert answer.status_code == 201, answer.text
    return answer.json()[name]


def make_check(account, **fields) -> dict:
    return created(account.post("/api/v1/checks", json=fields), "check")


def show(account, check: dict) -> dict:
    answer = account.get(f"/api/v1/checks/{check['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()["check"]


def change(account, check: dict, **fields) -> dict:
    answer = account.patch(f"/api/v1/checks/{check['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    assert show(account, check) == answer.json()["check"]
    return answer.json()["check"]


def replace_leader(stack) -> None:
    epoch = stack.epoch()
    stack.leader().kill()
    wait.until(lambda: stack.epoch() > epoch, 30, "another leader")


def test_the_next_leader_knows_them(make_stack):
    stack = make_stack(schedulers=2, dispatchers=1, **LEASE)
    account = stack.account("business")
    channel = created(account.post("/api/v1/channels", json={
        "kind": "webhook", "name": "ops", "target": "http://127.0.0.1:9/"}), "channel")
    parent = make_check(account, name="parent")
    child = make_check(
        account, name="child", cron_expression="0 2 * * *", timezone="Europe/Berlin", grace=600, tags=["a", "b"],
        group="db", slug="child", maint_schedule="daily:02:00-04:00", alert_after=3, recover_after=2,
        reminder_seconds=300, parents=[parent["id"]], channels=[channel["id"]])
    job = account.create_job(check=True)
    assert account.post(f"/api/v1/checks/{parent['id']}/pause").json() == {"paused": True}
    before = [show(account, check) for check in (parent, child)]
    key = {"Idempotency-Key": secrets.token_hex(8)}
    first = account.post("/api/v1/checks", json={"name": "once"}, headers=key)

    replace_leader(stack)
    assert [show(account, check) for check in (parent, child)] == before
    again = account.post("/api/v1/checks", json={"name": "once"}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    # What one is told of the other is as the leader before said it.
    renamed = change(account, child, name="renamed")
    assert renamed | {"name": "child", "updated_at": 0} == before[1] | {"updated_at": 0}
    taken = account.post("/api/v1/checks", json={"slug": "child"})
    assert taken.status_code == 409, taken.text
    circle = account.patch(f"/api/v1/checks/{parent['id']}", json={"parents": [child["id"]]})
    assert circle.status_code == 400, circle.text
    assert account.post(f"/api/v1/checks/{parent['id']}/resume").json() == {"resumed": True}
    assert show(account, parent)["status"] == "new"
    assert account.patch(f"/jobs/{job['id']}", json={"enabled": False}).status_code == 200
    assert show(account, {"id": job["check"]})["paused_reason"] == "job"
    # Ids go on: nothing gets one that another had.
    other = created(account.post("/api/v1/channels", json={
        "kind": "slack", "name": "chat", "target": "http://127.0.0.1:9/"}), "channel")
    assert int(other["id"].removeprefix("ch_")) == int(channel["id"].removeprefix("ch_")) + 1
    assert account.delete(f"/api/v1/channels/{channel['id']}").json() == {"deleted": True}
    assert account.delete(f"/api/v1/checks/{parent['id']}").json() == {"deleted": True}
    assert (show(account, child)["parents"], show(account, child)["channels"]) == ([], [])

    stack.add("scheduler").wait_ready()
    replace_leader(stack)
    assert (show(account, child)["parents"], show(account, child)["channels"]) == ([], [])
    change(account, child, slug=None, parents=[], channels=None)
    make_check(account, slug="child")
    account.close()


def test_none_is_lost_and_none_is_made_twice(make_stack):
    """Checks are made, changed and deleted while leaders die."""
    stack = make_stack(schedulers=3, dispatchers=1, **LEASE)
    accounts = [stack.account("business") for _ in range(4)]
    stop = threading.Event()
    books: list[dict] = [{} for _ in accounts]
    wrong: list[str] = []

    def work(account, book):
        for number in itertools.count():
            if stop.is_set() or wrong:
                return
            made = account.post("/api/v1/checks", json={"name": secrets.token_hex(8)})
            if made.status_code != 201:
                wrong.append(f"create: {made.status_code} {made.text}")
                return
            check = made.json()["check"]
            book[check["id"]] = check["name"]
            if number % 3 == 0:
                gone = account.delete(f"/api/v1/checks/{check['id']}")
                if gone.status_code != 200:
                    wrong.append(f"delete: {gone.status_code} {gone.text}")
                    return
                del book[check["id"]]
            else:
                name = secrets.token_hex(8)
                done = account.patch(f"/api/v1/checks/{check['id']}", json={"name": name})
                if done.status_code != 200:
                    wrong.append(f"update: {done.status_code} {done.text}")
                    return
                book[check["id"]] = name

    threads = [threading.Thread(target=work, args=pair) for pair in zip(accounts, books)]
    for thread in threads:
        thread.start()
    try:
        for leader in range(3):
            size = sum(map(len, books))
            wait.until(lambda: sum(map(len, books)) > size + 20 or wrong, 30, "work under a leader")
            if leader < 2:
                replace_leader(stack)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    for account, book in zip(accounts, books):
        found = {check["id"]: check["name"] for check in account.get("/api/v1/checks").json()["checks"]}
        assert found == book
        account.close()
