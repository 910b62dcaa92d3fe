"""Mails about jobs: failures, how they are throttled, and pauses."""

import time

import pytest

import client
import wait
from receiver import Answer

pytestmark = pytest.mark.xdist_group("failure-mail")

INTERVAL_S = 10
PAUSE_AFTER_S = 12


@pytest.fixture(scope="module")
def mail_stack(request):
    import conftest
    from stack import Stack
    yield from conftest.run_stack(request, Stack(schedulers=2, FAILURE_MAIL_INTERVAL_S=str(INTERVAL_S),
                                                 AUTO_PAUSE_AFTER_S=str(PAUSE_AFTER_S)))


@pytest.fixture
def account(mail_stack):
    api = mail_stack.account("business")
    yield api
    api.close()


def about_jobs(api, words: str = "") -> list:
    """The mails about jobs whose subject has these words, the oldest first."""
    return [message for message in api.mail.to(api.address)
            if message["Subject"].startswith("Job ") and words in message["Subject"]]


def wait_mail(api, words: str, count: int = 1, timeout_s: float = 20) -> list:
    wait.until(lambda: len(about_jobs(api, words)) >= count, timeout_s, f"{count} mails with '{words}'")
    return about_jobs(api, words)


def run(api, job: dict) -> dict:
    """Runs a job, and returns the execution once it is finished."""
    before = len([row for row in api.executions(job["id"]) if row["status"] != "pending"])
    answer = api.post(f"/jobs/{job['id']}/run", json={})
    assert answer.status_code == 202, answer.text
    return api.wait_executions(job["id"], before + 1, 20)[0]


def fail(api, job: dict, count: int = 1) -> None:
    for _ in range(count):
        assert run(api, job)["status"] == "failure"


def state(api, job: dict) -> dict:
    answer = api.get(f"/jobs/{job['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_first_failure_is_told_at_once_and_others_are_counted(account, receiver):
    job = account.create_job(name="hourly-sync", webhook_url=receiver.script("/mail/500", Answer(500)),
                             max_retries=0, auto_pause=False)
    fail(account, job)
    (first,) = wait_mail(account, "hourly-sync", timeout_s=5)
    told = time.monotonic()
    assert first["Subject"] == 'Job "hourly-sync" failed: HTTP 500'
    text = client.text_of(first)
    assert f"hourly-sync (id {job['id']})" in text and "more since" not in text
    assert f"https://api.croncoco.io/jobs/{job['id']}/executions" in text
    assert '{"failure_email_enabled":false}' in text

    fail(account, job, 3)
    time.sleep(1)
    assert len(about_jobs(account)) == 1 and time.monotonic() < told + INTERVAL_S

    time.sleep(max(0, told + INTERVAL_S + 0.5 - time.monotonic()))
    assert len(about_jobs(account)) == 1  # a mail comes with a failure, not with the clock
    fail(account, job)
    second = wait_mail(account, "hourly-sync", 2)[1]
    assert second["Subject"] == 'Job "hourly-sync" failed 4 times: HTTP 500'
    assert "and 3 more since the last mail" in client.text_of(second).replace("\n", " ")


def test_each_job_is_told_of_by_itself(account, receiver):
    url = receiver.script("/mail/404", Answer(404))
    names = ["café <b>&\"quoted\"</b> ☕", "=?utf-8?Q?no?= word", "x" * 100]
    for name in names:
        fail(account, account.create_job(name=name, webhook_url=url))
    wait_mail(account, "HTTP 404", 3)
    messages = {message["Subject"]: message for message in about_jobs(account)}
    assert set(messages) == {f'Job "{name}" failed: HTTP 404' for name in names}
    html = client.html_of(messages[f'Job "{names[0]}" failed: HTTP 404'])
    assert "&lt;b&gt;" in html and "<b>" not in html


def test_a_retry_is_no_failure_yet(account, receiver):
    job = account.create_job(webhook_url=receiver.script("/mail/retry", Answer(503)), cron_expression="0 0 29 2 *",
                             max_retries=1)
    assert account.post(f"/jobs/{job['id']}/run", json={}).status_code == 202
    receiver.wait("/mail/retry")
    other = account.create_job(name="other", webhook_url=receiver.script("/mail/other", Answer(404)))
    fail(account, other)
    wait_mail(account, "other")
    assert len(about_jobs(account)) == 1


def test_no_mail_where_it_is_switched_off(account, receiver):
    url = receiver.script("/mail/off", Answer(500))
    assert account.patch("/account", json={"failure_email_enabled": False}).status_code == 200
    job = account.create_job(name="silent", webhook_url=url, max_retries=0)
    fail(account, job, 2)
    assert account.patch("/account", json={"failure_email_enabled": True}).status_code == 200
    fail(account, job)
    wait_mail(account, "silent")
    time.sleep(1)
    (told,) = about_jobs(account)
    assert told["Subject"] == 'Job "silent" failed: HTTP 500'


def test_a_job_that_keeps_failing_is_paused_after_a_warning(account, receiver):
    url = receiver.script("/mail/pause", Answer(500))
    job = account.create_job(name="dying", webhook_url=url, max_retries=0)
    kept = account.create_job(name="kept", webhook_url=url, max_retries=0, auto_pause=False)
    begun = time.monotonic()
    for each in (job, kept):
        fail(account, each)
    time.sleep(max(0, begun + PAUSE_AFTER_S / 2 + 1 - time.monotonic()))
    for each in (job, kept):
        fail(account, each)
    (warning,) = wait_mail(account, "will be paused")
    assert '"dying"' in warning["Subject"] and '{"auto_pause":false}' in client.text_of(warning)
    assert state(account, job)["enabled"]

    time.sleep(max(0, begun + PAUSE_AFTER_S + 1 - time.monotonic()))
    for each in (job, kept):
        fail(account, each)
    (paused,) = wait_mail(account, "was paused")
    assert '"dying"' in paused["Subject"] and '{"enabled":true}' in client.text_of(paused)
    found = state(account, job)
    assert (found["enabled"], found["paused_reason"], found["next_run_at"]) == (False, "failing", None)
    found = state(account, kept)
    assert (found["enabled"], found["paused_reason"]) == (True, None)

    # Resumed, it has the whole time again.
    assert account.patch(f"/jobs/{job['id']}", json={"enabled": True}).status_code == 200
    fail(account, job)
    found = state(account, job)
    assert (found["enabled"], found["paused_reason"]) == (True, None)
    time.sleep(1)
    assert len(about_jobs(account, "paused")) == 2


def test_one_success_is_enough(account, receiver):
    url = receiver.script("/mail/relief", Answer(500), Answer(200), Answer(500))
    job = account.create_job(name="relief", webhook_url=url, max_retries=0)
    fail(account, job)
    begun = time.monotonic()
    assert run(account, job)["status"] == "success"
    time.sleep(max(0, begun + PAUSE_AFTER_S + 1 - time.monotonic()))
    fail(account, job)
    found = state(account, job)
    assert (found["enabled"], found["paused_reason"]) == (True, None)
    assert not about_jobs(account, "paused")


def test_gone_pauses_at_once(account, receiver):
    job = account.create_job(name="left", webhook_url=receiver.script("/mail/410", Answer(410)))
    fail(account, job)
    wait_mail(account, 'Job "left" was paused: its webhook answered 410 Gone')
    found = state(account, job)
    assert (found["enabled"], found["paused_reason"]) == (False, "gone")


def test_a_new_leader_knows_what_was_mailed(mail_stack, account, receiver):
    job = account.create_job(name="led", webhook_url=receiver.script("/mail/led", Answer(500)), max_retries=0,
                             auto_pause=False)
    fail(account, job)
    wait_mail(account, "led", timeout_s=5)
    begun, leader = time.monotonic(), mail_stack.leader()
    leader.kill()
    fail(account, job, 2)
    assert time.monotonic() < begun + INTERVAL_S, "the new leader took too long for this test"
    time.sleep(max(0, begun + INTERVAL_S + 0.5 - time.monotonic()))
    assert len(about_jobs(account)) == 1
    fail(account, job)
    told = wait_mail(account, "led", 2)[1]
    assert told["Subject"] == 'Job "led" failed 3 times: HTTP 500'
    leader.start().wait_ready()
