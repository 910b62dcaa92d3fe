"""openapi.yaml: well formed, complete, served, and held against every answer of the other tests."""

import json
import re

import httpx
import pytest
import yaml

import client
import contract
import test_documented_checks
import test_documented_examples
from contract import CONTRACT, Breach, Contract, Exchange

OPERATIONS = {f"{method} {path}": operation for method, path, operation in CONTRACT.operations()}
JOB = {"id": 1, "name": "hourly-sync", "cron_expression": "0 * * * *", "webhook_url": "https://your-app.com/sync",
       "headers": {"X-Secret": "mytoken"}, "payload": None, "failure_webhook_url": None, "enabled": True,
       "last_run_at": None, "next_run_at": "2026-05-09T14:00:00+00:00", "created_at": "2026-05-09T13:22:10+00:00",
       "timezone": "UTC", "run_at": None, "start_at": None, "end_at": None, "catch_up": "latest",
       "catch_up_window_seconds": None, "allow_overlap": True, "jitter_seconds": 0, "max_retries": 3,
       "auto_pause": True, "external_id": None, "paused_reason": None, "check": None}
CREATION = {name: JOB[name] for name in ("name", "cron_expression", "webhook_url", "headers")}


def nodes(node, where: str = "#"):
    """Every object of the document, with its place."""
    if isinstance(node, dict):
        yield where, node
    for name, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from nodes(value, f"{where}/{name}")


def schemas():
    """Every schema that the document uses, with its place."""
    for where, node in nodes(CONTRACT.document):
        if re.search("/(schema|items|additionalProperties|properties/[^/]+|schemas/[^/]+)$", where) and "$ref" not in node:
            yield where, node


def test_the_file_reads_the_same_everywhere():
    text = contract.FILE.read_text()
    assert text.isascii() and "\t" not in text
    assert CONTRACT.document["openapi"] == "3.0.3"

    class Strict(yaml.SafeLoader):
        """Refuses a name that comes twice in one object, of which others would take the last."""

        def construct_mapping(self, node, deep=False):
            names = [self.construct_object(key) for key, _ in node.value]
            assert len(names) == len(set(names)), f"{node.start_mark}: a name twice"
            assert all(type(name) is str for name in names), f"{node.start_mark}: a name that is no text"
            return super().construct_mapping(node, deep)
    yaml.load(text, Strict)


def test_references_lead_somewhere_and_every_component_is_used():
    used = {node["$ref"] for _, node in nodes(CONTRACT.document) if "$ref" in node}
    for reference in used:
        assert contract.resolved(CONTRACT.document, {"$ref": reference}), reference
    parts = {f"#/components/{kind}/{name}" for kind, names in CONTRACT.document["components"].items()
             if kind != "securitySchemes" for name in names}
    by_name = {f"#/components/responses/{prefix}{name}" for _, prefix in [("jobs", ""), *contract.SURFACES.values()]
               for name in contract.EARLY.values()}
    assert parts == used | by_name


def test_operations_are_complete():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in CONTRACT.document["tags"]}
    for name, operation in OPERATIONS.items():
        answers = operation["responses"]
        assert operation["summary"] and set(operation["tags"]) <= tags and len(operation["tags"]) == 1, name
        assert any(code.startswith("2") for code in answers), name
        assert set(contract.EARLY) <= set(answers), name
        assert ("401" in answers) == (operation.get("security") != []), name
        assert ("415" in answers) == ("application/json" in operation.get("requestBody", {}).get("content", {})), name
        parameters = {each["name"] for each in operation["parameters"]}
        assert "X-Request-Id" in parameters, name
        # Events have names of their own, and a ping that is sent again is another one.
        keyed = not name.startswith(("GET ", "POST /ping/")) and name != "POST /billing/webhook"
        assert ("409" in answers) == ("Idempotency-Key" in parameters) == keyed, name
        assert all("schema" in each and each["in"] in ("path", "query", "header") for each in operation["parameters"])
        for code, answer in answers.items():
            assert answer["description"] and "X-Request-Id" in answer["headers"], (name, code)
            if int(code) >= 400:
                image = code == "404" and name.startswith("GET /badge/")  # for whoever embeds it
                assert list(answer["content"]) == ["image/svg+xml" if image else "application/json"], (name, code)


def test_objects_are_closed():
    count = 0
    for where, schema in schemas():
        assert schema.get("type") in ("object", "array", "string", "integer", "number", "boolean") or "anyOf" in schema, where
        if schema.get("type") == "object":
            count += 1
            assert "additionalProperties" in schema, where
            assert schema["additionalProperties"] is not True or where.endswith(("/Payload", "/schema")), where
            assert set(schema.get("required", [])) <= set(schema.get("properties", {})), where
    assert count > 10


def test_examples_keep_to_their_schemas():
    count = 0
    for where, node in nodes(CONTRACT.whole):
        if "schema" in node and "example" in node:
            count += 1
            assert contract.complaints(node["schema"], node["example"]) == [], where
    assert count > 100


def test_json_answers_have_examples():
    for name, operation in OPERATIONS.items():
        for code, answer in operation["responses"].items():
            for media, content in answer.get("content", {}).items():
                assert "example" in content or media != "application/json", (name, code)
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            assert "example" in content, (name, media)


def test_the_reference_is_quoted_word_for_word():
    quoted = {name: [sample["source"] for sample in operation.get("x-codeSamples", [])]
              for name, operation in OPERATIONS.items()}
    for name, command in (test_documented_examples.EXAMPLES | test_documented_checks.EXAMPLES).items():
        assert command in quoted[name.partition(" page ")[0]]
    for name, commands in quoted.items():
        for command in commands:
            body = re.search(r"-d '([^']*)'", command)
            if body:
                example = OPERATIONS[name]["requestBody"]["content"]["application/json"]["example"]
                assert json.loads(body[1]) == example and list(json.loads(body[1])) == list(example)


def test_the_routes_are_the_gateways(stack, anonymous):
    _, metrics = stack.of("gateway")[0].admin("/metrics")
    assert set(re.findall(r'^croncoco_http_requests_total\{route="(\S+ \S+)",', metrics, re.M)) == set(OPERATIONS)
    for path in CONTRACT.document["paths"]:
        methods = {name.split()[0] for name in OPERATIONS if name.split()[1] == path}
        expected = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        named = path.replace("{id}", "1").replace("{check}", "0" * 15 + "1").replace("{channel}", "ch_001")
        allow = anonymous.options(named).headers["allow"].split(", ")
        assert len(allow) == len(set(allow)) and set(allow) == expected


def test_the_document_is_served(anonymous):
    answer = anonymous.get("/openapi.yaml")
    assert answer.status_code == 200 and answer.content == contract.FILE.read_bytes()
    head = anonymous.head("/openapi.yaml")
    assert (head.headers["content-length"], head.headers["etag"]) == (str(len(answer.content)), answer.headers["etag"])


def test_a_copy_of_the_document_can_be_kept(anonymous):
    tag = anonymous.get("/openapi.yaml").headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = anonymous.get("/openapi.yaml", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), known
    for other in ('"other"', tag.strip('"'), ""):
        assert anonymous.get("/openapi.yaml", headers={"If-None-Match": other}).status_code == 200, other


@pytest.mark.parametrize("header, value, status", [("Expect", "a miracle", 417), ("X-Large", "x" * 20_000, 431)])
def test_headers_that_are_refused(anonymous, header, value, status):
    """Seldom seen, and so sent here, for the document to be held against them."""
    for path in ("/jobs", "/nowhere"):
        assert anonymous.post(path, content=b"{}", headers={header: value}).status_code == status


def test_answers_that_are_seldom_asked_for(anonymous, api):
    job = api.create_job()
    assert api.get(f"/jobs/{job['id']}").json() == job
    assert api.patch("/account", json={"failure_email_enabled": False}).json()["failure_email_enabled"] is False
    address = client.new_address()
    tokens = [anonymous.request_token("/register", address) for _ in range(2)]
    assert [anonymous.post("/verify-email", json={"token": token}).status_code for token in tokens] == [200, 409]


def exchange(method="POST", target="/jobs", status=201, headers=(), body=b"", answer=JOB, media="application/json"):
    content = b"" if answer is None else json.dumps(answer).encode()
    named = {"X-Request-Id": "a"} | ({} if media is None else {"Content-Type": media}) | dict(headers)
    return Exchange(method, target, httpx.Headers(), body or json.dumps(CREATION).encode(), status,
                    httpx.Headers({name: value for name, value in named.items() if value is not None}), content)


KEPT = {
    "creation": exchange(),
    "list": exchange("GET", "/jobs", 200, answer=[JOB, JOB]),
    "head": exchange("HEAD", "/jobs", 200, answer=None),
    "deletion": exchange("DELETE", "/jobs/1", 204, answer=None, media=None),
    "options": exchange("OPTIONS", "/jobs/1", 204, {"Allow": "GET, HEAD"}, answer=None, media=None),
    "page": exchange("GET", "/jobs/1/executions?limit=500&offset=0", 200, answer=[]),
    "unknown path": exchange("GET", "/nowhere", 404, answer={"detail": "Not Found"}),
    "full": exchange("GET", "/nowhere", 503, {"Retry-After": "1"}, answer={"detail": "Full"}),
    "other method": exchange("PUT", "/jobs", 405, {"Allow": "GET, POST"}, answer={"detail": "No"}),
}
BREACHES = {  # and what the message names
    "unknown route": (exchange("GET", "/nowhere", 200, answer=[]), "status 200"),
    "unknown method": (exchange("PUT", "/jobs", 200), "status 200"),
    "id with a zero": (exchange("GET", "/jobs/01", 200), "status 200"),
    "id of 64 bits": (exchange("GET", f"/jobs/{2 ** 63}", 200), "status 200"),
    "unknown status": (exchange(status=202), "status 202"),
    "status of another route": (exchange(status=404, answer={"detail": "x"}), "status 404"),
    "unknown field": (exchange(answer=JOB | {"owner": 1}), "owner"),
    "missing field": (exchange(answer={name: JOB[name] for name in JOB if name != "payload"}), "payload"),
    "wrong type": (exchange(answer=JOB | {"id": "1"}), "$.id"),
    "number for a boolean": (exchange(answer=JOB | {"enabled": 1}), "$.enabled"),
    "null": (exchange(answer=JOB | {"created_at": None}), "$.created_at"),
    "other form of time": (exchange(answer=JOB | {"created_at": "2026-05-09T13:22:10Z"}), "$.created_at"),
    "no time": (exchange(answer=JOB | {"created_at": "2026-02-30T13:22:10+00:00"}), "$.created_at"),
    "beyond a limit": (exchange(answer=JOB | {"name": "x" * 101}), "$.name"),
    "unknown field in an error": (exchange(status=400, answer={"detail": "x", "code": 1}), "code"),
    "missing header": (exchange(headers={"X-Request-Id": None}), "X-Request-Id"),
    "missing Retry-After": (exchange(status=429, answer={"detail": "x"}), "Retry-After"),
    "wrong header": (exchange(status=429, headers={"Retry-After": "soon"}, answer={"detail": "x"}), "Retry-After"),
    "unknown header": (exchange(headers={"X-Owner": "1"}), "x-owner"),
    "other media type": (exchange(media="text/html"), "text/html"),
    "no media type": (exchange(media=None), "Content-Type"),
    "body after HEAD": (exchange("HEAD", "/jobs", 200, answer=[JOB]), "a body"),
    "body of 204": (exchange("DELETE", "/jobs/1", 204, answer={}, media=None), "a body"),
    "no JSON": (exchange(answer=None), "no JSON"),
    "a request too large": (exchange("GET", "/jobs/1/executions?limit=501", 200, answer=[]), "limit"),
    "a parameter left out": (exchange("GET", "/cron/preview", 200, answer={
        "expression": "0 * * * *", "timezone": "UTC", "next": []}), "expression"),
    "an unknown field sent": (exchange(body=json.dumps(CREATION | {"owner": 1}).encode()), "owner"),
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT.keys())
def test_what_is_documented_passes(kept):
    CONTRACT.check(kept)


@pytest.mark.parametrize("broken, word", BREACHES.values(), ids=BREACHES.keys())
def test_what_is_not_documented_is_found(broken, word):
    with pytest.raises(Breach, match=re.escape(word)):
        CONTRACT.check(broken)


def test_a_route_that_the_document_forgets_is_found():
    forgetful = Contract(contract.FILE.read_text().replace("\n  /jobs/{id}/executions:\n", "\n  /forgotten/{id}:\n"))
    with pytest.raises(Breach):
        forgetful.check(KEPT["page"])
