"""Checks that jobs have: POST /jobs with "check": true."""

import time

import client
import wait
from receiver import Answer


def show(api, check: str) -> dict:
    answer = api.get(f"/api/v1/checks/{check}")
    assert answer.status_code == 200, answer.text
    return answer.json()["check"]


def run(api, job: dict) -> None:
    assert api.post(f"/jobs/{job['id']}/run").status_code == 202


def wait_status(api, check: str, status: str) -> dict:
    def look():
        found = show(api, check)
        return found if found["status"] == status else None
    return wait.until(look, 40, f"{status} of {check}", 0.1)


def change(api, job: dict, **fields) -> dict:
    answer = api.patch(f"/jobs/{job['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    assert api.get(f"/jobs/{job['id']}").json() == answer.json()
    return answer.json()


def test_executions_are_the_pings(receiver, business, stack):
    path = f"/checked/{time.time_ns()}"
    url = receiver.script(path, Answer(), Answer(status=500), Answer())
    job = business.create_job(webhook_url=url, max_retries=0, check=True)
    assert business.get(f"/jobs/{job['id']}").json() == job
    check = show(business, job["check"])
    assert (check["name"], check["cron_expression"], check["timezone"], check["period"], check["grace"],
            check["job_id"], check["status"]) == ("job", "0 * * * *", "UTC", 3600, 900, job["id"], "new")
    run(business, job)
    check = wait_status(business, job["check"], "up")
    assert check["ping_count"] == 1 and check["last_duration_ms"] is not None
    assert check["next_expected_at"] % 3600 == 0 and check["next_expected_at"] > check["last_ping_at"]
    run(business, job)
    wait_status(business, job["check"], "down")
    run(business, job)
    wait_status(business, job["check"], "up")
    pings = business.get(f"/api/v1/checks/{job['check']}/pings").json()["pings"]
    assert [(ping["type"], ping["source_ip"]) for ping in pings] == [("success", None), ("fail", None),
                                                                     ("success", None)]
    told = [message["Subject"] for message in stack.mail.wait(business.address, 4)]
    assert sum("down" in subject.lower() for subject in told) == 1, told


def test_it_follows_its_job(business):
    job = business.create_job(check=True)
    change(business, job, name="nightly", cron_expression="0 2 * * *", timezone="Europe/Berlin")
    check = show(business, job["check"])
    assert (check["name"], check["cron_expression"], check["timezone"], check["period"]) == (
        "nightly", "0 2 * * *", "Europe/Berlin", 86400)
    answer = business.patch(f"/api/v1/checks/{job['check']}", json={"name": "mine"})
    assert answer.status_code == 400 and f"follows job {job['id']}" in answer.json()["error"]
    assert business.patch(f"/api/v1/checks/{job['check']}", json={"grace": 60}).status_code == 200
    change(business, job, enabled=False)
    check = show(business, job["check"])
    assert (check["status"], check["paused_reason"], check["grace"]) == ("paused", "job", 60)
    change(business, job, enabled=True)
    check = show(business, job["check"])
    assert (check["status"], check["paused_reason"]) == ("new", None)


def test_it_comes_and_goes(business):
    job = business.create_job()
    assert job["check"] is None
    first = change(business, job, check=True)["check"]
    assert change(business, job, check=True)["check"] == first
    assert change(business, job, check=False)["check"] is None
    assert business.get(f"/api/v1/checks/{first}").status_code == 404
    second = change(business, job, check=True)["check"]
    assert second != first
    assert business.delete(f"/api/v1/checks/{second}").json() == {"deleted": True}
    assert business.get(f"/jobs/{job['id']}").json()["check"] is None
    third = change(business, job, check=True)["check"]
    assert business.delete(f"/jobs/{job['id']}").status_code == 204
    assert business.get(f"/api/v1/checks/{third}").status_code == 404
    assert business.get("/api/v1/checks").json() == {"checks": []}


def test_a_declaration_says_it(business):
    body = {"name": "n", "cron_expression": "0 * * * *", "webhook_url": "http://127.0.0.1:9/", "check": True}
    made = business.put("/jobs/external/nightly", json=body)
    assert made.status_code == 201 and made.json()["check"]
    assert business.put("/jobs/external/nightly", json=body).json() == made.json()
    del body["check"]
    assert business.put("/jobs/external/nightly", json=body).json()["check"] is None


def test_what_has_none(business):
    answer = business.post("/jobs", json={"name": "n", "webhook_url": "http://127.0.0.1:9/", "check": True,
                                          "run_at": "2099-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "check: a job that runs once cannot have one"})
    answer = business.post("/jobs", json={"name": "n", "cron_expression": "0 * * * *", "check": "true",
                                     "webhook_url": "http://127.0.0.1:9/"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "check: must be true or false"})


def test_a_job_that_the_plan_pauses(stack):
    account = stack.account("business")
    jobs = [account.create_job(check=True) for _ in range(6)]
    stack.set_plan(account.address, "free")  # five active jobs
    row = wait.until(lambda: stack.postgres.query(
        "SELECT paused, paused_reason FROM checks WHERE public_id = %s AND paused", jobs[0]["check"]), 20,
        "the pause of the check")
    assert row == [(True, "job")]
    assert stack.postgres.query("SELECT count(*) FROM checks WHERE account_id = (SELECT account_id FROM checks"
                                " WHERE public_id = %s) AND paused", jobs[0]["check"]) == [(1,)]
    account.close()


def test_the_account_takes_them_along(stack):
    account = stack.account("business")
    job = account.create_job(check=True)
    token = account.request_token("/account/delete-request", account.address)
    answer = client.request("DELETE", f"{stack.url()}/account", json={"email": account.address, "token": token})
    assert answer.status_code == 204, answer.text
    assert stack.postgres.query("SELECT count(*) FROM checks WHERE public_id = %s", job["check"]) == [(0,)]
    account.close()
