"""Alerts whose processes die: each is sent at least once, and recorded once."""

import json

import pytest

import wait
from receiver import Answer
from watching import Watching


@pytest.mark.xdist_group("alert-survival")
def test_after_three_retries_it_has_failed_for_good(make_stack, receiver):
    """Each retry is the next leader's, and none is waited for: its row says that it is due."""
    stack = make_stack(dispatchers=1)
    watching = Watching(stack, receiver)
    check = watching.check("refused", watching.channel("refused", Answer(404)))
    watching.ping(check, "/fail")
    for attempts in range(1, 4):
        watching.requests("refused", attempts)
        alert = wait.until(lambda: (alerts := watching.alerts(check)) and len(alerts[0]["attempts"]) == attempts
                           and alerts[0], 20, f"attempt {attempts} is on record")
        assert (alert["status"], alert["error"], alert["sent_at"]) == ("pending", "HTTP 404", None)
        (scheduler,) = stack.of("scheduler")
        scheduler.kill()
        stack.postgres.query("UPDATE notices SET next_attempt_at = now() WHERE status = 'pending'")
        scheduler.start().wait_ready()
    requests = watching.requests("refused", 4)
    assert [request.body for request in requests] == [requests[0].body] + [
        requests[0].body[:-1] + b',"retry":%d}' % retry for retry in (1, 2, 3)]
    alert = watching.alert(check, "failed")
    assert (alert["error"], alert["sent_at"], len(alert["attempts"])) == ("HTTP 404", None, 4)
    assert stack.postgres.query("SELECT status::text, attempts, next_attempt_at FROM notices") == [("failure", 4, None)]
    assert len(watching.requests("refused", 4)) == 4
    watching.close()


@pytest.mark.xdist_group("alert-survival")
def test_kill_of_a_dispatcher_and_of_leaders_with_alerts_in_flight(make_stack, receiver):
    stack = make_stack(schedulers=2, dispatchers=2, LEASE_TTL_MS="1000")
    watchings = [Watching(stack, receiver) for _ in range(4)]
    checks = []
    for watching in watchings:
        channel = watching.channel("slow", Answer(delay_s=3))
        checks += [(watching, watching.check(f"check {n}", channel)) for n in range(4)]
    wait.clear_of_minute(12)
    for watching, check in checks[:8]:
        watching.ping(check, "/fail")
    wait.until(lambda: sum(each.metric("croncoco_deliveries_in_flight") for each in stack.of("dispatcher")) == 8, 20,
               "POSTs are under way")
    in_flight = {each: each.metric("croncoco_deliveries_in_flight") for each in stack.of("dispatcher")}
    victim = max(in_flight, key=in_flight.get)
    victim.kill()
    leader = stack.leader()
    for watching, check in checks[8:12]:
        watching.ping(check, "/fail")
    leader.kill()
    for watching, check in checks[12:]:
        watching.ping(check, "/fail")
    victim.start()
    leader.start()
    twice = 0
    for watching, check in checks:
        alert = watching.alert(check, "sent", 60)
        assert (alert["error"], len(alert["attempts"])) == (None, 1)
        sent = watching.checks_told("slow")[check["id"]]
        assert sent in (1, 2)
        twice += sent - 1
    assert 1 <= twice <= in_flight[victim]
    for watching in watchings:
        watching.close()


@pytest.mark.xdist_group("alert-survival")
def test_who_stays_down_is_told_of_again_by_whoever_leads(make_stack, receiver):
    """The five minutes until then have passed for the next leader."""
    stack = make_stack(dispatchers=1)
    watching = Watching(stack, receiver)
    (mail,) = [channel["id"] for channel in watching.api.get("/api/v1/channels").json()["channels"]]
    check = watching.check("stays down", watching.channel("reminded"), mail, reminder_seconds=300)
    watching.ping(check, "/fail")
    down = json.loads(watching.requests("reminded")[0].body)
    wait.until(lambda: stack.postgres.query("SELECT 1 FROM check_state WHERE alerted"), 10, "it is written")
    for number in (1, 2):
        (scheduler,) = stack.of("scheduler")
        scheduler.kill()
        stack.postgres.query("UPDATE check_state SET reminded_at = reminded_at - interval '300 s'")
        scheduler.start().wait_ready()
        body = json.loads(watching.requests("reminded", number + 1)[number].body)
        assert body == down | {"timestamp": body["timestamp"], "reminder": number}
    assert [alert["type"] for alert in watching.alerts(check)] == ["down"] * 2 + ["reminder"] * 4
    subjects = [mail["Subject"] for mail in stack.mail.wait(watching.api.address, 4)[1:]]
    assert subjects[0] == "[down] stays down"
    assert all(subject.startswith("[still down] stays down, for ") for subject in subjects[1:]) and len(subjects) == 3
    watching.close()
