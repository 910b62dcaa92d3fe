"""Export and import of checks."""

import json

import pytest

import shapes

EVERYTHING = {
    "name": "everything", "period": 600, "grace": 120, "tags": "a,b", "group": "g", "slug": "everything",
    "maint_start": 1707700000, "maint_end": 1707703600, "maint_schedule": "mon,wed,fri:04:00-05:00", "alert_after": 2,
    "recover_after": 3, "reminder_seconds": 3600}
PLAIN = {"name": "Unnamed Check", "period": 3600, "grace": 300, "tags": ""}
CRON = {"name": "cron", "period": 86400, "grace": 300, "tags": "", "cron_expression": "0 2 * * *"}
ZONE = {"name": "zone", "grace": 300, "tags": "x", "cron_expression": "30 9 * * mon", "timezone": "Asia/Tokyo"}


@pytest.fixture
def pro(stack):
    api = stack.account("pro")
    yield api
    api.close()


def export(api) -> list[dict]:
    answer = api.get("/api/v1/checks/export")
    assert answer.status_code == 200, answer.text
    return answer.json()["checks"]


def take(api, checks: list[dict], status: int = 201, **more):
    answer = api.post("/api/v1/checks/import", json={"checks": checks} | more)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_what_is_exported_can_be_imported(stack, pro, business):
    for fields in (EVERYTHING, {}, {"name": "cron", "cron_expression": "0 2 * * *"}, ZONE):
        assert pro.post("/api/v1/checks", json=fields).status_code == 201
    exported = {each["name"]: each for each in export(pro)}
    assert exported["everything"] == EVERYTHING and exported["Unnamed Check"] == PLAIN
    assert {name: value for name, value in exported["zone"].items() if name != "period"} == ZONE
    document = pro.get("/api/v1/checks/export").json()
    answer = business.post("/api/v1/checks/import", json=document)
    assert answer.status_code == 201 and answer.json()["imported"] == 4
    again = {each["name"]: each for each in export(business)}
    assert again == exported


def test_the_documented_fields_come_first(pro):
    pro.post("/api/v1/checks", json=EVERYTHING)
    assert list(export(pro)[0])[:4] == ["name", "period", "grace", "tags"]


def test_an_export_of_nothing(pro):
    assert export(pro) == []
    assert take(pro, []) == {"imported": 0, "skipped": 0, "checks": []}


def test_what_the_plan_does_not_allow_is_skipped(pro):
    taken = take(pro, [{"name": str(i)} for i in range(105)])
    assert (taken["imported"], taken["skipped"], len(taken["checks"])) == (100, 5, 100)
    assert [check["name"] for check in taken["checks"]] == [str(i) for i in range(100)]
    assert len(pro.get("/api/v1/checks").json()["checks"]) == 100
    assert take(pro, [{}]) == {"imported": 0, "skipped": 1, "checks": []}


def test_a_period_beyond_the_plan_is_skipped(pro):
    taken = take(pro, [{"name": "long", "period": 700000}, {"name": "short"}, {"name": "patient", "grace": 4000}])
    assert (taken["imported"], taken["skipped"]) == (1, 2)
    assert [check["name"] for check in taken["checks"]] == ["short"]


def test_a_slug_that_is_taken_is_skipped(pro):
    assert take(pro, [{"slug": "a"}, {"slug": "b"}, {"slug": "a"}])["imported"] == 2
    taken = take(pro, [{"slug": "a"}, {"slug": "c"}])
    assert (taken["imported"], taken["skipped"]) == (1, 1)


@pytest.mark.parametrize("body, words", [
    ({}, ["checks", "required"]), ({"checks": {}}, ["checks", "list"]), ({"checks": None}, ["checks"]),
    ({"checks": [1]}, ["checks[0]", "object"]), ({"checks": [{}, {"period": 5}]}, ["checks[1]", "period"]),
    ({"checks": [{"name": 1}]}, ["checks[0]", "name"]), ({"checks": [{"perod": 60}]}, ["checks[0]", "perod"]),
    ({"checks": [{"parents": []}]}, ["parents"]), ({"checks": [{"channels": []}]}, ["channels"]),
    ({"checks": [{"maint_schedule": "x"}]}, ["checks[0]", "maint_schedule"]),
    ({"checks": [], "version": 2}, ["version"]), ({"checks": [], "version": "1"}, ["version"]),
    ({"checks": [], "owner": 1}, ["owner"]), ({"checks": [{}] * 1001}, ["checks", "1000"])])
def test_refused_as_a_whole(pro, body, words):
    shapes.check_api_error(pro.post("/api/v1/checks/import", json=body), 400, *words)
    assert pro.get("/api/v1/checks").json() == {"checks": []}


@pytest.mark.parametrize("size, status", [(524288, 201), (524289, 413), (600_000, 413)])
def test_an_import_may_be_large(business, size, status):
    checks = [{"name": f"{i:0100d}", "tags": "x" * 480} for i in range(800)]
    body = json.dumps({"checks": checks}).encode()
    assert len(body) < 524288
    answer = business.post("/api/v1/checks/import", content=body + b" " * (size - len(body)),
                           headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    if status == 201:
        assert (answer.json()["imported"], answer.json()["skipped"]) == (800, 0)
    else:
        shapes.check_error(answer, 413, "524288", member="error")
    assert len(business.get("/api/v1/checks").json()["checks"]) == (800 if status == 201 else 0)


def test_a_repeated_import_is_one(pro):
    key = {"Idempotency-Key": "import"}
    answers = [pro.post("/api/v1/checks/import", json={"checks": [CRON]}, headers=key) for _ in range(2)]
    assert answers[0].text == answers[1].text and answers[0].status_code == 201
    assert len(export(pro)) == 1
