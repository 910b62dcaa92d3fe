"""
Stripe's API as far as we call it, on loopback: customers, checkout sessions, subscriptions and
portal sessions, with forms decoded as Stripe does, parameters that it does not know refused, and
Idempotency-Keys kept. What Stripe's pages and its clock do to them are methods here.
"""

import dataclasses
import http.server
import json
import re
import secrets
import threading
import time
import urllib.parse

import ports

MONTH_S = 30 * 86400
PRICES = {"price_test_pro": 1200, "price_test_business": 4900}  # cents
VERSION = "2025-03-31.basil"

# method, path, and the parameters that it knows
ROUTES = [
    ("POST", r"/v1/checkout/sessions", "create_session",
     {"mode", "line_items[0][price]", "line_items[0][quantity]", "client_reference_id", "customer", "customer_email",
      "subscription_data[metadata][croncoco_account]", "success_url", "cancel_url"}),
    ("GET", r"/v1/checkout/sessions/(cs_\w+)", "get_session", set()),
    ("POST", r"/v1/checkout/sessions/(cs_\w+)/expire", "expire_session", set()),
    ("GET", r"/v1/subscriptions/(sub_\w+)", "get_subscription", set()),
    ("POST", r"/v1/subscriptions/(sub_\w+)", "update_subscription",
     {"items[0][id]", "items[0][price]", "proration_behavior", "payment_behavior", "cancel_at_period_end", "cancel_at"}),
    ("POST", r"/v1/billing_portal/sessions", "create_portal", {"customer", "return_url"}),
]


class Refusal(Exception):
    def __init__(self, status: int, type_: str, message: str, code: str | None = None, param: str | None = None):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": type_, "message": message} | ({"code": code} if code else {})
                     | ({"param": param} if param else {})}


def invalid(message: str, code: str | None = None, param: str | None = None) -> Refusal:
    return Refusal(400, "invalid_request_error", message, code, param)


def missing(what: str) -> Refusal:
    return Refusal(404, "invalid_request_error", f"No such {what}", "resource_missing", "id")


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    parameters: dict[str, str]
    key: str | None  # its Idempotency-Key
    replayed: bool


@dataclasses.dataclass
class Trouble:
    """What goes wrong with the next count requests whose path has the word."""
    path: str
    count: int
    method: str = ""  # any
    status: int = 0
    delay_s: float = 0
    close: bool = False
    body: bytes = b'{"error":{"type":"api_error","message":"sk_secret is not to be told"}}'
    after: bool = False  # it is carried out, and only the answer is lost


class StripeServer:
    def __init__(self):
        self.port = ports.free_port()
        self.key = "sk_test_" + secrets.token_hex(12)
        self.customers, self.subscriptions, self.sessions = {}, {}, {}
        self.kept = {}  # Idempotency-Key -> (what was asked, answer)
        self.charges: list[tuple[str, int, str]] = []  # customer, cents, why
        self.requests: list[Request] = []
        self.troubles: list[Trouble] = []
        self.declines = False  # every card, for now
        self.lock = threading.RLock()

    # ---- life ----

    def start(self) -> "StripeServer":
        stripe = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                stripe.serve(self)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def trouble(self, path: str, count: int = 1000, **how) -> Trouble:
        self.troubles.append(Trouble(path, count, **how))
        return self.troubles[-1]

    # ---- HTTP ----

    def serve(self, handler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self.lock:
            trouble = next((each for each in self.troubles if each.path in handler.path and each.count > 0
                            and each.method in ("", handler.command)), None)
            if trouble:
                trouble.count -= 1
        if trouble and trouble.delay_s:
            time.sleep(trouble.delay_s)
        if trouble and not trouble.after:
            self.fail(handler, trouble)
            return
        with self.lock:
            status, answer = self.answer(handler, body)
        if trouble:
            self.fail(handler, trouble)
            return
        self.send(handler, status, json.dumps(answer).encode())

    def fail(self, handler, trouble: Trouble) -> None:
        if trouble.status:
            self.send(handler, trouble.status, trouble.body)
        else:
            handler.close_connection = True
            handler.connection.close()

    @staticmethod
    def send(handler, status: int, body: bytes) -> None:
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.send_header("Request-Id", "req_" + secrets.token_hex(6))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True

    def answer(self, handler, body: bytes) -> tuple[int, dict]:
        try:
            return self.checked(handler, body)
        except Refusal as refusal:
            return refusal.status, refusal.body

    def checked(self, handler, body: bytes) -> tuple[int, dict]:
        path, _, query = handler.path.partition("?")
        if handler.headers.get_all("Authorization") != [f"Bearer {self.key}"]:
            raise Refusal(401, "invalid_request_error", "Invalid API Key provided")
        if handler.headers.get_all("Stripe-Version") != [VERSION]:
            raise invalid("Invalid Stripe API version")
        if handler.command == "POST" and handler.headers.get_all("Content-Type") != ["application/x-www-form-urlencoded"]:
            raise invalid("Invalid request (check that your POST content type is application/x-www-form-urlencoded)")
        pairs = urllib.parse.parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body))
        parameters = dict(pairs)
        if len(parameters) != len(pairs) or query:
            raise invalid("a parameter twice, or in a query")
        key = handler.headers.get("Idempotency-Key")
        if handler.command == "POST" and not (key and len(key) <= 255):
            raise invalid("ours: every POST has a key")
        asked = (handler.command, path, parameters)
        replayed = key is not None and key in self.kept
        self.requests.append(Request(handler.command, path, parameters, key, replayed))
        if replayed:
            before, answer = self.kept[key]
            if before != asked:
                raise Refusal(400, "idempotency_error", "Keys for idempotent requests can only be used with the same parameters")
            return answer
        try:
            answer = 200, self.carried_out(*asked)
        except Refusal as refusal:
            answer = refusal.status, refusal.body
        if key is not None:
            self.kept[key] = asked, answer
        return answer

    def carried_out(self, method: str, path: str, parameters: dict) -> dict:
        for known_method, pattern, name, known in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == known_method:
                for parameter in parameters:
                    if parameter not in known:
                        raise invalid(f"Received unknown parameter: {parameter}", "parameter_unknown", parameter)
                return json.loads(json.dumps(getattr(self, name)(*match.groups(), **{"given": parameters})))
        raise Refusal(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path})")

    # ---- the API ----

    @staticmethod
    def new_id(prefix: str) -> str:
        return f"{prefix}_{secrets.token_hex(12)}"

    def create_session(self, given: dict) -> dict:
        for name in ("mode", "success_url", "line_items[0][price]", "line_items[0][quantity]"):
            if name not in given:
                raise invalid(f"Missing required param: {name}", "parameter_missing", name)
        if given["mode"] != "subscription" or given["line_items[0][quantity]"] != "1":
            raise invalid("this shop sells one subscription at a time")
        if given["line_items[0][price]"] not in PRICES:
            raise invalid("No such price", "resource_missing", "line_items[0][price]")
        if ("customer" in given) == ("customer_email" in given):
            raise invalid("You may only specify one of these parameters: customer, customer_email.")
        if "customer" in given and given["customer"] not in self.customers:
            raise invalid("No such customer", "resource_missing", "customer")
        id_ = self.new_id("cs_test")
        self.sessions[id_] = {
            "id": id_, "object": "checkout.session", "mode": "subscription", "status": "open", "payment_status": "unpaid",
            "client_reference_id": given.get("client_reference_id"), "customer": given.get("customer"),
            "customer_email": given.get("customer_email"), "subscription": None, "metadata": {},
            "url": f"https://checkout.stripe.com/c/pay/{id_}#fid", "price": given["line_items[0][price]"],
            "account": given.get("subscription_data[metadata][croncoco_account]")}
        return self.shown_session(id_)

    def shown_session(self, id_: str) -> dict:
        if id_ not in self.sessions:
            raise missing("checkout.session")
        return {name: value for name, value in self.sessions[id_].items() if name not in ("price", "account")}

    def get_session(self, id_: str, given: dict) -> dict:
        return self.shown_session(id_)

    def expire_session(self, id_: str, given: dict) -> dict:
        session = self.shown_session(id_)
        if session["status"] != "open":
            raise invalid("Only Checkout Sessions with a status in [\"open\"] can be expired.")
        self.sessions[id_] |= {"status": "expired", "url": None}
        return self.shown_session(id_)

    def get_subscription(self, id_: str, given: dict) -> dict:
        if id_ not in self.subscriptions:
            raise missing("subscription")
        return self.subscriptions[id_]

    def update_subscription(self, id_: str, given: dict) -> dict:
        subscription = self.get_subscription(id_, {})
        if subscription["status"] == "canceled":
            raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
        if "cancel_at_period_end" in given and "cancel_at" in given:
            raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
        item = subscription["items"]["data"][0]
        if ("items[0][id]" in given) != ("items[0][price]" in given) or given.get("items[0][id]", item["id"]) != item["id"]:
            raise invalid("No such subscription item", "resource_missing", "items[0][id]")
        price = given.get("items[0][price]", item["price"]["id"])
        if price not in PRICES:
            raise invalid("No such price", "resource_missing", "items[0][price]")
        difference = PRICES[price] - PRICES[item["price"]["id"]]
        proration = given.get("proration_behavior", "create_prorations")
        if proration not in ("create_prorations", "always_invoice", "none"):
            raise invalid("Invalid proration_behavior")
        if proration == "always_invoice" and difference > 0:
            if self.declines:
                assert given.get("payment_behavior") == "error_if_incomplete"
                raise Refusal(402, "card_error", "Your card was declined.", "card_declined")
            self.charges.append((subscription["customer"], difference, "proration"))
        item["price"]["id"] = price
        if "cancel_at_period_end" in given:
            ends = {"true": True, "false": False}[given["cancel_at_period_end"]]
            subscription |= {"cancel_at_period_end": ends, "cancel_at": item["current_period_end"] if ends else None}
            self.subscriptions[id_] = subscription
        if given.get("cancel_at") == "":
            subscription["cancel_at"] = None
        return subscription

    def create_portal(self, given: dict) -> dict:
        if given.get("customer") not in self.customers:
            raise invalid("No such customer", "resource_missing", "customer")
        id_ = self.new_id("bps")
        return {"id": id_, "object": "billing_portal.session", "customer": given["customer"],
                "url": f"https://billing.stripe.com/p/session/{id_}"}

    # ---- what people and time do ----

    @staticmethod
    def event(type_: str, subject: dict) -> dict:
        return {"id": StripeServer.new_id("evt"), "object": "event", "api_version": VERSION, "created": int(time.time()),
                "type": type_, "livemode": False, "pending_webhooks": 1, "data": {"object": json.loads(json.dumps(subject))}}

    def invoice(self, subscription: dict, paid: bool = True) -> dict:
        return {"id": self.new_id("in"), "object": "invoice", "customer": subscription["customer"],
                "status": "paid" if paid else "open",
                "parent": {"type": "subscription_details", "subscription_details": {
                    "subscription": subscription["id"], "metadata": subscription["metadata"]}}}

    def pay(self, url: str) -> list[dict]:
        """Somebody opens a checkout page and pays; what Stripe tells of it, in no order."""
        with self.lock:
            session = next(each for each in self.sessions.values() if each["url"] == url and each["status"] == "open")
            customer = session["customer"]
            if customer is None:
                customer = self.new_id("cus")
                self.customers[customer] = {"id": customer, "object": "customer", "email": session["customer_email"]}
            now = int(time.time())
            id_ = self.new_id("sub")
            self.subscriptions[id_] = subscription = {
                "id": id_, "object": "subscription", "customer": customer, "status": "active", "created": now,
                "cancel_at_period_end": False, "cancel_at": None, "canceled_at": None, "ended_at": None,
                "metadata": {"croncoco_account": session["account"]},
                "items": {"object": "list", "data": [{
                    "id": self.new_id("si"), "object": "subscription_item", "quantity": 1,
                    "current_period_start": now, "current_period_end": now + MONTH_S,
                    "price": {"id": session["price"], "object": "price"}}]}}
            self.charges.append((customer, PRICES[session["price"]], "subscription"))
            session |= {"status": "complete", "payment_status": "paid", "customer": customer, "subscription": id_, "url": None}
            return [self.event("customer.subscription.created", subscription), self.event("invoice.paid", self.invoice(subscription)),
                    self.event("checkout.session.completed", self.shown_session(session["id"]))]

    def change(self, id_: str, **fields) -> dict:
        """Stripe, its dashboard or its portal changes a subscription; what it tells."""
        with self.lock:
            self.subscriptions[id_] |= fields
            return self.event("customer.subscription.updated", self.subscriptions[id_])

    def end(self, id_: str) -> dict:
        """The period is over, or the payments are given up."""
        with self.lock:
            self.subscriptions[id_] |= {"status": "canceled", "ended_at": int(time.time())}
            return self.event("customer.subscription.deleted", self.subscriptions[id_])

    def of(self, method: str, path: str) -> list[Request]:
        return [each for each in self.requests if each.method == method and re.fullmatch(path, each.path)]
