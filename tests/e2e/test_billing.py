"""Plans, bought and changed at a server that behaves as Stripe's API does, with events as Stripe signs them."""

import concurrent.futures
import datetime
import json
import re
import secrets
import time

import httpx
import pytest

import client
import conftest
import node_packages
import process
import wait
from shapes import check_error, parse_time
from stack import Stack
from stripe_server import MONTH_S, StripeServer
from test_documented_examples import Curl

FIELDS = ["plan", "stored_jobs_used", "stored_jobs_limit", "active_jobs_used", "active_jobs_limit", "executions_used",
          "executions_limit", "usage_period_start", "min_interval_seconds", "concurrency_limit", "burst_per_minute",
          "burst_bucket", "timeout_seconds", "history_days", "has_billing"]
LIMITS = {  # stored, active, executions, interval, concurrency, burst, timeout, history
    "free": (10, 5, 5000, 900, 1, 5, 10, 7),
    "pro": (100, 50, 250_000, 60, 5, 60, 30, 30),
    "business": (5000, 1000, 2_000_000, 60, 25, 250, 60, 30),
}


class Shop:
    """A stack that sells, and the Stripe that it asks."""

    def __init__(self, stripe: StripeServer):
        self.stripe = stripe
        self.secret = "whsec_" + secrets.token_hex(16)
        self.stack = Stack(gateways=2, STRIPE_SECRET_KEY=stripe.key, STRIPE_WEBHOOK_SECRET=self.secret,
                           STRIPE_PRICE_PRO="price_test_pro", STRIPE_PRICE_BUSINESS="price_test_business",
                           STRIPE_API_BASE=stripe.url, BILLING_RETURN_URL="https://croncoco.example/back")

    def send(self, event: dict | str, gateway: int = 0, at: float | None = None, secret: str | None = None,
             header: str | None = None) -> httpx.Response:
        payload = event if isinstance(event, str) else json.dumps(event, indent=2)
        if header is None:
            header = node_packages.stripe_signature(payload, secret or self.secret, int(at or time.time()))
        return client.request("POST", f"{self.stack.url(gateway)}/billing/webhook", content=payload.encode(), headers={
            "Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header})

    def tell(self, *events: dict) -> None:
        for number, event in enumerate(events):
            answer = self.send(event, gateway=number % 2)
            assert (answer.status_code, answer.json()) == (200, {"received": True}), answer.text

    def subscriber(self, plan: str) -> client.Api:
        api = self.stack.account()
        self.tell(*self.stripe.pay(upgrade(api, plan)["checkout_url"]))
        assert plan_of(api) == plan
        return api

    def subscription(self, api: client.Api) -> str:
        return self.row(api)["subscription"]

    def row(self, api: client.Api) -> dict:
        names = ["customer", "subscription", "checkout", "status", "cancels", "version"]
        rows = self.stack.postgres.query(f"SELECT {', '.join('b.' + name for name in names)} FROM billing b"
                                         f" JOIN accounts a ON a.id = b.account_id WHERE a.email = '{api.address}'")
        return dict(zip(names, rows[0])) if rows else {}

    def charged(self, api: client.Api) -> list[int]:
        return [cents for customer, cents, _ in self.stripe.charges if customer == self.row(api)["customer"]]


@pytest.fixture(scope="module")
def shop_of_module(request):
    stripe = StripeServer().start()
    made = Shop(stripe)
    for _ in conftest.run_stack(request, made.stack):
        yield made
        assert made.stack.complaints() == []
        for each in made.stack.processes:
            log = each.log.read_text(errors="replace")
            assert stripe.key not in log and made.secret not in log and "sk_secret" not in log
    stripe.stop()


@pytest.fixture
def shop(shop_of_module):
    yield shop_of_module
    shop_of_module.stripe.troubles.clear()
    shop_of_module.stripe.declines = False


def upgrade(api, plan: str, **options) -> dict:
    answer = api.post("/billing/upgrade", json={"plan": plan}, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def downgrade(api, plan: str, **options) -> dict:
    answer = api.post("/billing/downgrade", json={"plan": plan}, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def plan_of(api) -> str:
    return api.get("/billing").json()["plan"]


def key() -> dict:
    return {"headers": {"Idempotency-Key": secrets.token_hex(8)}}


# ---- GET /billing ----

@pytest.mark.parametrize("plan", LIMITS)
def test_plan_and_usage(stack, plan):
    """On a server that sells nothing: what a plan allows is known all the same."""
    api = stack.account(plan)
    for number in range(3):
        job = api.create_job(name=f"job {number}")
    api.patch(f"/jobs/{job['id']}", json={"enabled": False})
    shown = api.get("/billing").json()
    assert list(shown) == FIELDS
    stored, active, executions, interval, concurrency, burst, timeout, history = LIMITS[plan]
    month = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-01T00:00:00+00:00")
    assert shown == {
        "plan": plan, "stored_jobs_used": 3, "stored_jobs_limit": stored, "active_jobs_used": 2,
        "active_jobs_limit": active, "executions_used": 0, "executions_limit": executions, "usage_period_start": month,
        "min_interval_seconds": interval, "concurrency_limit": concurrency, "burst_per_minute": burst,
        "burst_bucket": burst, "timeout_seconds": timeout, "history_days": history, "has_billing": False}


def test_usage_of_other_periods_does_not_count(stack):
    api = stack.account("pro")
    row = "INSERT INTO usage SELECT id, {}, 7, {}, 2 FROM accounts WHERE email = '" + api.address + "'" \
        " ON CONFLICT (account_id) DO UPDATE SET period = excluded.period, minute = excluded.minute"
    month = "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
    stack.postgres.query(row.format(f"{month} - interval '1 day'", "now() - interval '1 hour'"))
    shown = api.get("/billing").json()
    assert (shown["executions_used"], shown["burst_bucket"]) == (0, 60)
    wait.until(lambda: time.time() % 60 < 50, 15, "the beginning of a minute")
    stack.postgres.query(row.format(month, "date_trunc('minute', now())"))
    shown = api.get("/billing").json()
    assert (shown["executions_used"], shown["burst_bucket"]) == (7, 58)


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/billing/upgrade", {"plan": "pro"}), ("POST", "/billing/downgrade", {"plan": "free"}),
    ("DELETE", "/billing/subscription", None), ("POST", "/billing/portal", None)])
def test_without_keys_nothing_is_sold(api, method, path, body):
    answer = api.request(method, path, json=body)
    check_error(answer, 503, "not set up")
    assert int(answer.headers["retry-after"]) >= 1


def test_without_keys_events_are_refused(anonymous):
    check_error(anonymous.post("/billing/webhook", json={"id": "evt_1"}, headers={"Stripe-Signature": "t=1,v1=00"}), 503)


def test_half_a_configuration_is_none(stack):
    variables = stack.of("gateway")[0].variables | {"PORT": "1", "STRIPE_SECRET_KEY": "sk_test_abc"}
    done = process.run("gateway", variables=variables)
    assert done.returncode == 64 and "STRIPE_PRICE" in done.stderr and "sk_test_abc" not in done.stderr
    whole = {"STRIPE_WEBHOOK_SECRET": "whsec_x", "STRIPE_PRICE_PRO": "price_1", "STRIPE_PRICE_BUSINESS": "price_2"}
    for base in ("http://api.stripe.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "http://localhost@example.com"):
        done = process.run("gateway", variables=variables | whole | {"STRIPE_API_BASE": base})
        assert done.returncode == 64 and "STRIPE_API_BASE" in done.stderr, base


# ---- upgrade ----

def test_an_upgrade_begins_at_the_checkout_and_ends_with_the_event(shop):
    api = shop.stack.account()
    answer = upgrade(api, "pro")
    assert list(answer) == ["checkout_url"] and answer["checkout_url"].startswith("https://checkout.stripe.com/")
    session = shop.stripe.of("POST", "/v1/checkout/sessions")[-1].parameters
    account = shop.stack.postgres.query(f"SELECT id FROM accounts WHERE email = '{api.address}'")[0][0]
    assert session == {
        "mode": "subscription", "line_items[0][price]": "price_test_pro", "line_items[0][quantity]": "1",
        "client_reference_id": str(account), "customer_email": api.address,
        "subscription_data[metadata][croncoco_account]": str(account),
        "success_url": "https://croncoco.example/back", "cancel_url": "https://croncoco.example/back"}
    assert plan_of(api) == "free" and api.get("/billing").json()["has_billing"] is False

    shop.tell(*shop.stripe.pay(answer["checkout_url"]))
    shown = api.get("/billing").json()
    assert (shown["plan"], shown["active_jobs_limit"], shown["has_billing"]) == ("pro", 50, True)
    assert api.get("/account").json()["plan"] == "pro"
    assert shop.charged(api) == [1200]
    for number in range(6):
        api.create_job(cron_expression="* * * * *", name=f"job {number}")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
@pytest.mark.parametrize("only_one", [False, True])
def test_events_in_any_order_and_alone(shop, order, only_one):
    api = shop.stack.account()
    events = shop.stripe.pay(upgrade(api, "business")["checkout_url"])
    for number in order[:1] if only_one else order:
        shop.tell(events[number])
        assert plan_of(api) == "business"
    assert shop.row(api) | {"version": 0, "customer": 0, "subscription": 0} == {
        "customer": 0, "subscription": 0, "checkout": None, "status": "active", "cancels": False, "version": 0}


def test_an_event_that_comes_again_does_nothing(shop):
    api = shop.stack.account()
    events = shop.stripe.pay(upgrade(api, "pro")["checkout_url"])
    shop.tell(*events)
    row, asked = shop.row(api), len(shop.stripe.requests)
    shop.tell(*events, *events)
    assert shop.row(api) == row and len(shop.stripe.requests) == asked
    again = events[0] | {"pending_webhooks": 0}
    shop.tell(again)
    assert shop.row(api) == row


def test_an_event_that_comes_late_says_nothing_that_is_over(shop):
    api = shop.subscriber("pro")
    id_ = shop.subscription(api)
    late = shop.stripe.change(id_)  # as it is: active, pro
    ended = shop.stripe.end(id_)
    shop.tell(ended)
    assert plan_of(api) == "free"
    shop.tell(late)
    assert plan_of(api) == "free" and shop.row(api)["status"] == "canceled"


def test_the_same_events_at_once_at_both_gateways(shop):
    api = shop.stack.account()
    events = shop.stripe.pay(upgrade(api, "pro")["checkout_url"])
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: shop.send(events[number % 3], gateway=number // 3), range(6)))
    again = [events[number % 3] for number, answer in enumerate(answers) if answer.status_code != 200]
    assert all(answer.status_code in (200, 503) for answer in answers)
    shop.tell(*again)  # as Stripe does
    assert plan_of(api) == "pro" and shop.row(api)["status"] == "active"


def test_a_second_upgrade_makes_the_first_checkout_void(shop):
    api = shop.stack.account()
    first = upgrade(api, "pro")["checkout_url"]
    second = upgrade(api, "business")["checkout_url"]
    assert first != second
    with pytest.raises(StopIteration):
        shop.stripe.pay(first)
    shop.tell(*shop.stripe.pay(second))
    assert plan_of(api) == "business" and shop.charged(api) == [4900]


def test_who_has_paid_is_not_asked_to_pay_again_before_the_event_comes(shop):
    api = shop.stack.account()
    events = shop.stripe.pay(upgrade(api, "pro")["checkout_url"])
    assert upgrade(api, "pro")["plan"] == "pro" and plan_of(api) == "pro"
    check_error(api.post("/billing/upgrade", json={"plan": "pro"}), 409, "pro plan already")
    answer = upgrade(api, "business")
    assert answer["plan"] == "business" and plan_of(api) == "business"
    shop.tell(*events)
    assert plan_of(api) == "business" and shop.charged(api) == [1200, 3700]


def test_a_subscriber_is_changed_and_not_charged_twice(shop):
    api = shop.subscriber("pro")
    sessions = len(shop.stripe.sessions)
    answer = upgrade(api, "business")
    assert list(answer) == ["plan", "effective", "note"] and answer["plan"] == "business"
    assert abs(parse_time(answer["effective"]) - time.time()) < 30
    assert plan_of(api) == "business"
    assert len(shop.stripe.sessions) == sessions and shop.charged(api) == [1200, 3700]
    asked = shop.stripe.of("POST", "/v1/subscriptions/.*")[-1].parameters
    assert asked["proration_behavior"] == "always_invoice" and asked["payment_behavior"] == "error_if_incomplete"


def test_an_upgrade_whose_payment_fails_changes_nothing(shop):
    api = shop.subscriber("pro")
    shop.stripe.declines = True
    check_error(api.post("/billing/upgrade", json={"plan": "business"}), 402, "payment", "/billing/portal")
    assert plan_of(api) == "pro" and shop.charged(api) == [1200]
    shop.stripe.declines = False
    upgrade(api, "business")
    assert plan_of(api) == "business"


def test_upgrades_that_are_none(shop):
    api = shop.subscriber("business")
    check_error(api.post("/billing/upgrade", json={"plan": "business"}), 409, "business plan already")
    check_error(api.post("/billing/upgrade", json={"plan": "pro"}), 409, "downgrade")
    given = shop.stack.account("business")  # by an operator
    check_error(given.post("/billing/upgrade", json={"plan": "pro"}), 409, "downgrade")


@pytest.mark.parametrize("path, allowed", [("/billing/upgrade", "pro or business"), ("/billing/downgrade", "free or pro")])
def test_bad_plans(shop, path, allowed):
    api = shop.stack.account()
    for plan in ("starter", "", "Pro", "pro ", "enterprise", "x" * 1000, "business" if "down" in path else "free"):
        check_error(api.post(path, json={"plan": plan}), 400, "plan", allowed)
    for body in ({}, {"plan": None}, {"plan": 1}, {"plan": ["pro"]}, {"plan": "pro", "coupon": "x"}):
        check_error(api.post(path, json=body), 400)
    check_error(api.post(path), 400)
    check_error(api.post(path, json={"plan": "pro"}, headers={"Idempotency-Key": "x" * 129}), 400, "Idempotency-Key")
    check_error(client.request("POST", shop.stack.url() + path, json={"plan": "pro"}), 401)


# ---- repeated requests ----

def test_a_request_that_comes_again_gets_the_first_answer(shop):
    api = shop.stack.account()
    same = key()
    first = upgrade(api, "pro", **same)
    created = len(shop.stripe.sessions)
    assert upgrade(api, "pro", **same) == first and len(shop.stripe.sessions) == created
    check_error(api.post("/billing/upgrade", json={"plan": "business"}, **same), 409, "Idempotency-Key")
    check_error(api.post("/billing/portal", **same), 409, "Idempotency-Key")
    shop.tell(*shop.stripe.pay(first["checkout_url"]))
    assert upgrade(api, "pro", **same) == first

    same = key()
    first = downgrade(api, "free", **same)
    shop.tell(shop.stripe.end(shop.subscription(api)))
    asked = len(shop.stripe.requests)
    assert downgrade(api, "free", **same) == first and len(shop.stripe.requests) == asked
    assert plan_of(api) == "free"


def test_the_same_request_at_once_is_carried_out_once(shop):
    api = shop.subscriber("pro")
    same = key()
    others = [client.Api(shop.stack.url(number % 2), shop.stack.mail, api.key) for number in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: each.post("/billing/upgrade", json={"plan": "business"}, **same), others))
    done = [answer.json() for answer in answers if answer.status_code == 200]
    assert done and all(answer == done[0] for answer in done)
    assert all(answer.status_code in (200, 409, 503) for answer in answers)
    assert upgrade(api, "business", **same) == done[0]
    assert shop.charged(api) == [1200, 3700]


def test_every_post_has_a_key_of_its_own(shop):
    api = shop.subscriber("pro")
    upgrade(api, "business")
    downgrade(api, "pro")
    upgrade(api, "business")
    assert shop.charged(api) == [1200, 3700, 3700]  # the second one is a change, and no repetition
    keys = [each.key for each in shop.stripe.requests if each.method == "POST" and not each.replayed]
    assert all(re.fullmatch("croncoco-[0-9a-f]{32}", each) for each in keys) and len(set(keys)) == len(keys)
    assert all(each.key is None for each in shop.stripe.requests if each.method == "GET")


# ---- downgrade and cancel ----

def test_downgrade_to_free_at_the_end_of_the_period(shop):
    api = shop.subscriber("pro")
    answer = downgrade(api, "free")
    assert list(answer) == ["plan", "effective", "note"]
    assert (answer["plan"], answer["note"]) == ("free", "Change takes effect at end of billing period")
    assert abs(parse_time(answer["effective"]) - time.time() - MONTH_S) < 60
    assert plan_of(api) == "pro" and shop.row(api)["cancels"] is True
    assert downgrade(api, "free") == answer
    shop.tell(shop.stripe.change(shop.subscription(api)))
    assert plan_of(api) == "pro"
    shop.tell(shop.stripe.end(shop.subscription(api)))
    shown = api.get("/billing").json()
    assert (shown["plan"], shown["has_billing"]) == ("free", True)


def test_downgrade_from_business_to_pro_at_once(shop):
    api = shop.subscriber("business")
    answer = downgrade(api, "pro")
    assert answer["plan"] == "pro" and "prorated" in answer["note"]
    assert abs(parse_time(answer["effective"]) - time.time()) < 30
    assert plan_of(api) == "pro"
    assert shop.stripe.of("POST", "/v1/subscriptions/.*")[-1].parameters["proration_behavior"] == "create_prorations"
    check_error(api.post("/billing/downgrade", json={"plan": "pro"}), 409, "pro plan already")


def test_cancel(shop):
    api = shop.subscriber("business")
    answer = api.delete("/billing/subscription")
    assert answer.status_code == 200 and list(answer.json()) == ["cancelled", "effective", "note"]
    assert answer.json()["cancelled"] is True
    assert answer.json()["note"] == "You keep access until the end of your billing period"
    assert abs(parse_time(answer.json()["effective"]) - time.time() - MONTH_S) < 60
    assert plan_of(api) == "business"
    shop.tell(shop.stripe.end(shop.subscription(api)))
    assert plan_of(api) == "free"
    check_error(api.delete("/billing/subscription"), 409, "no subscription")


def test_who_cancelled_may_go_on(shop):
    api = shop.subscriber("pro")
    assert api.delete("/billing/subscription").status_code == 200
    answer = upgrade(api, "pro")
    assert answer["plan"] == "pro" and "goes on" in answer["note"]
    assert shop.row(api)["cancels"] is False and shop.charged(api) == [1200]
    assert api.delete("/billing/subscription").status_code == 200
    assert upgrade(api, "business")["plan"] == "business"
    assert shop.row(api)["cancels"] is False
    assert api.delete("/billing/subscription").status_code == 200
    assert downgrade(api, "pro")["plan"] == "pro"
    assert shop.row(api)["cancels"] is False and plan_of(api) == "pro"


def test_a_date_of_its_own_to_end_at(shop):
    """As an operator may set it at Stripe."""
    api = shop.subscriber("pro")
    ends = int(time.time()) + 86400
    shop.tell(shop.stripe.change(shop.subscription(api), cancel_at=ends))
    assert shop.row(api)["cancels"] is True
    assert parse_time(downgrade(api, "free")["effective"]) == ends
    upgrade(api, "pro")
    assert shop.row(api)["cancels"] is False


def test_a_new_subscription_after_the_old_one_ended(shop):
    api = shop.subscriber("pro")
    old, customer = shop.subscription(api), shop.row(api)["customer"]
    ended = shop.stripe.end(old)
    shop.tell(ended)
    checkout = upgrade(api, "business")["checkout_url"]
    assert shop.stripe.of("POST", "/v1/checkout/sessions")[-1].parameters["customer"] == customer
    events = shop.stripe.pay(checkout)
    shop.tell(*events)
    shop.tell(shop.stripe.event("customer.subscription.deleted", shop.stripe.subscriptions[old]))
    assert plan_of(api) == "business" and shop.subscription(api) != old


def test_the_end_may_be_known_to_stripe_alone(shop):
    api = shop.subscriber("pro")
    shop.stripe.end(shop.subscription(api))
    check_error(api.post("/billing/downgrade", json={"plan": "free"}), 409, "no subscription")
    assert "checkout_url" in upgrade(api, "pro")


def test_payments_that_fail_and_come(shop):
    api = shop.subscriber("pro")
    id_ = shop.subscription(api)
    shop.stripe.change(id_, status="past_due")
    shop.tell(shop.stripe.event("invoice.payment_failed", shop.stripe.invoice(shop.stripe.subscriptions[id_], paid=False)))
    assert plan_of(api) == "pro" and shop.row(api)["status"] == "past_due"
    shop.tell(shop.stripe.change(id_, status="unpaid"))
    assert plan_of(api) == "free"
    check_error(api.post("/billing/upgrade", json={"plan": "business"}), 409, "payment")
    shop.stripe.change(id_, status="active")
    shop.tell(shop.stripe.event("invoice.paid", shop.stripe.invoice(shop.stripe.subscriptions[id_])))
    assert plan_of(api) == "pro"


def test_a_downgrade_pauses_jobs_and_keeps_the_newest(shop):
    api = shop.subscriber("pro")
    jobs = [api.create_job(name=f"job {number}")["id"] for number in range(8)]
    api.patch(f"/jobs/{jobs[6]}", json={"enabled": False})
    shop.tell(shop.stripe.end(shop.subscription(api)))
    enabled = {job["id"]: job["enabled"] for job in api.get("/jobs").json()}
    assert [id_ for id_ in jobs if enabled[id_]] == [jobs[2], jobs[3], jobs[4], jobs[5], jobs[7]]
    shown = api.get("/billing").json()
    assert (shown["active_jobs_used"], shown["stored_jobs_used"]) == (5, 8)


def test_a_plan_that_an_operator_gave_is_not_taken_by_an_old_subscription(shop):
    api = shop.subscriber("pro")
    id_ = shop.subscription(api)
    shop.tell(shop.stripe.end(id_))
    shop.stack.set_plan(api.address, "business")
    shop.tell(shop.stripe.event("invoice.payment_failed", shop.stripe.invoice(shop.stripe.subscriptions[id_], paid=False)))
    assert plan_of(api) == "business"


def test_an_account_that_pays_is_not_deleted(shop):
    api = shop.subscriber("pro")
    token = api.request_token("/account/delete-request", api.address)
    body = {"email": api.address, "token": token}
    check_error(api.request("DELETE", "/account", json=body), 409, "/billing/subscription")
    assert api.delete("/billing/subscription").status_code == 200
    id_ = shop.subscription(api)
    assert api.request("DELETE", "/account", json=body).status_code == 204
    shop.tell(shop.stripe.end(id_))


# ---- the portal ----

def test_portal(shop):
    api = shop.subscriber("pro")
    answer = api.post("/billing/portal")
    assert answer.status_code == 200 and list(answer.json()) == ["url"]
    assert answer.json()["url"].startswith("https://billing.stripe.com/")
    asked = shop.stripe.of("POST", "/v1/billing_portal/sessions")[-1].parameters
    assert asked == {"customer": shop.row(api)["customer"], "return_url": "https://croncoco.example/back"}
    same = key()
    assert api.post("/billing/portal", **same).json() == api.post("/billing/portal", **same).json() != answer.json()
    shop.tell(shop.stripe.end(shop.subscription(api)))
    assert api.post("/billing/portal").status_code == 200


def test_who_never_paid_has_no_portal(shop):
    api = shop.stack.account()
    check_error(api.post("/billing/portal"), 409, "never had a subscription")
    check_error(api.delete("/billing/subscription"), 409, "no subscription")
    check_error(api.post("/billing/downgrade", json={"plan": "free"}), 409, "no subscription")
    upgrade(api, "pro")  # and has not paid yet
    check_error(api.post("/billing/portal"), 409)
    check_error(api.delete("/billing/subscription"), 409)


# ---- events ----

def test_signatures(shop):
    api = shop.stack.account()
    events = shop.stripe.pay(upgrade(api, "pro")["checkout_url"])
    payload = json.dumps(events[0])
    right = node_packages.stripe_signature(payload, shop.secret, int(time.time()))
    check_error(shop.send(payload, secret="whsec_another"), 400, "Stripe-Signature")
    check_error(shop.send(payload, at=time.time() - 310), 400, "Stripe-Signature", "300 seconds")
    check_error(shop.send(payload, at=time.time() + 330), 400, "Stripe-Signature", "300 seconds")
    check_error(shop.send(payload.replace("active", "paused"), header=right), 400, "Stripe-Signature")
    check_error(shop.send(payload + " ", header=right), 400, "Stripe-Signature")
    time_, _, mac = right.partition(",v1=")
    for header in ("", "t=,v1=", "v1=" + mac, time_, f"{time_},v0={mac}", f"{time_},v1={mac[:-1]}", f"{time_}0,v1={mac}",
                   f"t=x,v1={mac}", "t=" + "9" * 30 + f",v1={mac}", f"{time_},v1={'0' * 64}", f"{time_} ,v1={mac}"):
        check_error(shop.send(payload, header=header), 400, "Stripe-Signature")
    assert plan_of(api) == "free"
    for header in (f"{time_},v1={'0' * 64},v1={mac},v0=x", right):  # while the secret is rotated there are several
        assert shop.send(payload, header=header).status_code == 200
    assert plan_of(api) == "pro"
    assert shop.send(payload, at=time.time() - 290).status_code == 200


def test_a_webhook_needs_a_signature_and_json(shop):
    url = f"{shop.stack.url()}/billing/webhook"
    check_error(client.request("POST", url, json={"id": "evt_1"}), 400, "Stripe-Signature")
    assert client.request("POST", url, content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    for payload in ('{"id":"evt_1"}', '{"id":"evt_1","type":"invoice.paid","data":{"object":[]}}', '{"type":"x","data":{"object":{}}}',
                    '{"id":"evt 1","type":"invoice.paid","data":{"object":{}}}'):
        check_error(shop.send(payload), 400, "no event")


def test_events_that_are_not_ours(shop):
    asked = len(shop.stripe.requests)
    shop.tell(shop.stripe.event("customer.created", {"id": "cus_x", "object": "customer"}),
              shop.stripe.event("checkout.session.completed", {"id": "cs_x", "subscription": None, "customer": "cus_x"}),
              shop.stripe.event("invoice.paid", {"id": "in_x", "customer": "cus_x", "parent": None}),
              shop.stripe.event("customer.subscription.updated", {"id": "sub_none", "customer": "cus_none", "metadata": {}}))
    assert len(shop.stripe.requests) == asked
    api = shop.subscriber("pro")
    row = shop.row(api)
    shop.tell(shop.stripe.event("customer.subscription.updated", {"id": "sub_none", "customer": row["customer"], "metadata": {}}))
    assert shop.row(api) | {"version": 0} == row | {"version": 0} and plan_of(api) == "pro"


def test_what_an_event_claims_is_not_believed(shop):
    api = shop.subscriber("pro")
    subscription = json.loads(json.dumps(shop.stripe.subscriptions[shop.subscription(api)]))
    subscription["status"] = "canceled"
    shop.tell(shop.stripe.event("customer.subscription.deleted", subscription))
    assert plan_of(api) == "pro"
    subscription["items"]["data"][0]["price"]["id"] = "price_test_business"
    shop.tell(shop.stripe.event("customer.subscription.updated", subscription))
    assert plan_of(api) == "pro"


def test_events_and_requests_at_once(shop):
    """Each change of the one is known to the other."""
    api = shop.subscriber("pro")
    id_ = shop.subscription(api)
    stop = time.monotonic() + 4

    def events():
        while time.monotonic() < stop:
            answer = shop.send(shop.stripe.event("customer.subscription.updated", shop.stripe.subscriptions[id_]))
            assert answer.status_code in (200, 503), answer.text

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        running = [pool.submit(events) for _ in range(2)]
        for _ in range(20):
            for change, plan in ((upgrade, "business"), (downgrade, "pro")):
                assert change(api, plan)["plan"] == plan
        for each in running:
            each.result()
    shop.tell(shop.stripe.change(id_))
    assert plan_of(api) == "pro"


# ---- Stripe in trouble ----

def test_stripe_that_is_down_is_told_of(shop):
    api = shop.subscriber("pro")
    for trouble in ({"status": 500}, {"status": 503}, {"close": True}, {"status": 429}, {"status": 200, "body": b"<html>"},
                    {"status": 200, "body": b"[]"}, {"status": 302}, {"status": 200, "body": b"x" * 600_000}):
        shop.stripe.troubles.clear()
        shop.stripe.trouble("/v1/", **trouble)
        for method, path, body in (("POST", "/billing/upgrade", {"plan": "business"}), ("DELETE", "/billing/subscription", None)):
            answer = api.request(method, path, json=body)
            check_error(answer, 503, "Stripe does not answer")
            assert int(answer.headers["retry-after"]) >= 1 and "sk_secret" not in answer.text
        check_error(api.post("/billing/portal"), 503, "Stripe")
        event = shop.stripe.event("customer.subscription.updated", shop.stripe.subscriptions[shop.subscription(api)])
        check_error(shop.send(event), 503)
    shop.stripe.troubles.clear()
    shop.tell(event)
    upgrade(api, "business")
    assert plan_of(api) == "business"


def test_stripe_that_refuses_us(shop):
    api = shop.subscriber("pro")
    for status in (400, 401, 403):
        shop.stripe.troubles.clear()
        shop.stripe.trouble("/v1/", status=status, body=b'{"error":{"type":"invalid_request_error","message":"sk_secret"}}')
        answer = api.post("/billing/portal")
        check_error(answer, 502, "Stripe refused")
        assert "sk_secret" not in answer.text


@pytest.mark.parametrize("trouble", [{"status": 503}, {"close": True}, {"status": 429}, {"status": 409}])
@pytest.mark.parametrize("after", [False, True])
def test_a_moment_of_trouble_does_not_show(shop, trouble, after):
    """Also where Stripe did it, and its answer was lost: the repetition is known by its key."""
    api = shop.subscriber("pro")
    shop.stripe.trouble("/v1/subscriptions/", count=2, after=after, **trouble)
    assert upgrade(api, "business")["plan"] == "business"
    assert shop.charged(api) == [1200, 3700]


@pytest.mark.parametrize("plan, change", [("pro", ("upgrade", "business")), ("business", ("downgrade", "pro"))])
def test_an_answer_that_was_lost_is_made_up_for_by_the_repeated_request(shop, plan, change):
    api = shop.subscriber(plan)
    charged = shop.charged(api)
    same = key() | {"json": {"plan": change[1]}}
    shop.stripe.trouble("/v1/subscriptions/", method="POST", status=500, after=True)
    check_error(api.post(f"/billing/{change[0]}", **same), 503, "Idempotency-Key")
    assert plan_of(api) == plan
    shop.stripe.troubles.clear()
    answer = api.post(f"/billing/{change[0]}", **same)
    assert answer.status_code == 200 and answer.json()["plan"] == change[1] == plan_of(api)
    assert shop.charged(api) == charged + ([3700] if plan == "pro" else [])
    assert api.post(f"/billing/{change[0]}", **same).json() == answer.json()


def test_a_slow_stripe_holds_up_nobody_else(shop):
    api = shop.subscriber("pro")
    other = shop.stack.account()
    shop.stripe.trouble("/v1/subscriptions/", count=1, status=500, delay_s=30)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        slow = pool.submit(api.post, "/billing/upgrade", json={"plan": "business"})
        slowest = 0
        while time.monotonic() - began < 3:
            at = time.monotonic()
            assert other.get("/billing").status_code == 200
            slowest = max(slowest, time.monotonic() - at)
        assert slowest < 1 and not slow.done()
        check_error(slow.result(40), 503, "Stripe does not answer")
        assert 15 < time.monotonic() - began < 26
    assert plan_of(api) == "pro"


def test_too_many_calls_are_refused(shop):
    accounts = [shop.subscriber("pro") for _ in range(2)]
    shop.stripe.trouble("/v1/subscriptions/", status=500, delay_s=2)
    with httpx.Client(base_url=shop.stack.url(), timeout=60, trust_env=False,
                      limits=httpx.Limits(max_connections=100)) as many, concurrent.futures.ThreadPoolExecutor(80) as pool:
        answers = list(pool.map(lambda number: many.delete("/billing/subscription", headers={
            "Authorization": f"Bearer {accounts[number % 2].key}"}), range(80)))
    assert {answer.status_code for answer in answers} == {503}
    assert sum("Too many requests" in answer.text for answer in answers) >= 10


def test_an_account_may_not_ask_without_end(shop):
    api = shop.stack.account()
    answers = [api.delete("/billing/subscription") for _ in range(70)]
    assert {answer.status_code for answer in answers} == {409, 429}
    check_error(answers[-1], 429, "Too many requests")
    assert shop.stack.account().delete("/billing/subscription").status_code == 409
    assert api.get("/billing").status_code == 200


# ---- the reference ----

def test_the_examples_of_the_reference(shop):
    curl = Curl(shop.stack)
    api = shop.stack.account("business")
    curl.address, curl.key = api.address, api.key
    assert list(curl("GET /billing", 200)) == FIELDS
    shop.stack.set_plan(api.address, "free")
    checkout = curl("POST /billing/upgrade", 200)
    assert list(checkout) == ["checkout_url"]
    shop.tell(*shop.stripe.pay(checkout["checkout_url"]))
    assert list(curl("POST /billing/portal", 200)) == ["url"]
    assert list(curl("POST /billing/downgrade", 200)) == ["plan", "effective", "note"]
    assert list(curl("DELETE /billing/subscription", 200)) == ["cancelled", "effective", "note"]
