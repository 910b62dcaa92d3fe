"""Checks: every field at, below and above its limit, defaults, plans, changes, ownership."""

import json

import pytest

import shapes

PARENT = "0Bbk4dSVbgQdGxlK"  # well-formed, and nobody's
DEFAULTS = {"name": "Unnamed Check", "period": 3600, "grace": 300, "status": "new", "last_ping_at": None,
            "next_expected_at": None, "alert_count": 0, "ping_count": 0, "tags": "", "group": "", "slug": None,
            "maint_start": None, "maint_end": None, "maint_schedule": "", "cron_expression": None, "timezone": "UTC",
            "alert_after": 1, "recover_after": 1, "reminder_seconds": 0, "parents": [], "channels": None, "job_id": None,
            "paused_reason": None, "last_duration_ms": None}

ACCEPTED = {
    "name of 1": {"name": "x"},
    "name of 100 wide characters": {"name": "\U0001f4a5" * 100},
    "name with quotes": {"name": "\"quoted\" \\ <b> / \u2028"},
    "period 60": {"period": 60},
    "period 604800": {"period": 604800},
    "grace 60": {"grace": 60},
    "grace 3600": {"grace": 3600},
    "tags": {"tags": "production,database"},
    "no tags": {"tags": ""},
    "one-time maintenance": {"maint_start": 1707700000, "maint_end": 1707703600},
    "no one-time maintenance": {"maint_start": None, "maint_end": None},
    "no schedule": {"maint_schedule": ""},
    "every day": {"maint_schedule": "daily:02:00-04:00"},
    "weekdays": {"maint_schedule": "weekdays:03:00-05:00"},
    "weekends": {"maint_schedule": "weekends:00:00-06:00"},
    "sunday": {"maint_schedule": "sun:02:00-06:00"},
    "three days": {"maint_schedule": "mon,wed,fri:04:00-05:00"},
    "over midnight": {"maint_schedule": "daily:23:00-01:00"},
    "cron": {"cron_expression": "0 2 * * *"},
    "cron in a zone": {"cron_expression": "0 2 * * mon-fri", "timezone": "Europe/Berlin"},
    "group": {"group": "database"},
    "slug": {"slug": "nightly-backup_1"},
    "slug of 100": {"slug": "x" * 100},
    "failures before an alert": {"alert_after": 100, "recover_after": 100},
    "reminders": {"reminder_seconds": 300},
    "reminders of a month": {"reminder_seconds": 2592000},
    "no channels": {"channels": []},
    "all channels": {"channels": None},
    "no parents": {"parents": []},
}

REFUSED = {  # the fields, and what the sentence must name
    "name number": ({"name": 7}, "name", "string"),
    "name null": ({"name": None}, "name"),
    "name empty": ({"name": ""}, "name", "empty"),
    "name of 101": ({"name": "x" * 101}, "name", "100"),
    "name with a line feed": ({"name": "a\nb"}, "name"),
    "period 59": ({"period": 59}, "period", "60"),
    "period 604801": ({"period": 604801}, "period", "604800"),
    "period beyond every plan": ({"period": 31536001}, "period", "60"),
    "period string": ({"period": "3600"}, "period"),
    "period fraction": ({"period": 60.5}, "period"),
    "period null": ({"period": None}, "period"),
    "period true": ({"period": True}, "period"),
    "grace 59": ({"grace": 59}, "grace", "60"),
    "grace 3601": ({"grace": 3601}, "grace", "3600"),
    "grace list": ({"grace": [300]}, "grace"),
    "tags number": ({"tags": 1}, "tags"),
    "tags null": ({"tags": None}, "tags"),
    "tags of numbers": ({"tags": ["a", 1]}, "tags"),
    "tags too long": ({"tags": "x" * 501}, "tags", "500"),
    "maintenance without an end": ({"maint_start": 1707700000}, "maint_end"),
    "maintenance without a start": ({"maint_end": 1707700000}, "maint_start"),
    "maintenance that ends at once": ({"maint_start": 1707700000, "maint_end": 1707700000}, "maint_start"),
    "maintenance backwards": ({"maint_start": 1707700001, "maint_end": 1707700000}, "maint_start"),
    "maintenance as a text": ({"maint_start": "2024-02-12", "maint_end": 1707700000}, "maint_start"),
    "schedule number": ({"maint_schedule": 1}, "maint_schedule"),
    "schedule null": ({"maint_schedule": None}, "maint_schedule"),
    "schedule of no day": ({"maint_schedule": "someday:02:00-04:00"}, "maint_schedule"),
    "schedule without a time": ({"maint_schedule": "daily"}, "maint_schedule"),
    "schedule at 25:00": ({"maint_schedule": "daily:25:00-26:00"}, "maint_schedule"),
    "schedule without an end": ({"maint_schedule": "daily:02:00"}, "maint_schedule"),
    "cron of four fields": ({"cron_expression": "0 * * *"}, "cron expression"),
    "cron number": ({"cron_expression": 5}, "cron_expression"),
    "unknown zone": ({"cron_expression": "0 2 * * *", "timezone": "Mars/Olympus"}, "timezone"),
    "group null": ({"group": None}, "group"),
    "group of 101": ({"group": "x" * 101}, "group", "100"),
    "slug upper case": ({"slug": "Nightly"}, "slug"),
    "slug empty": ({"slug": ""}, "slug"),
    "slug with a slash": ({"slug": "a/b"}, "slug"),
    "slug of 101": ({"slug": "x" * 101}, "slug"),
    "alert after 0": ({"alert_after": 0}, "alert_after", "1"),
    "alert after 101": ({"alert_after": 101}, "alert_after", "100"),
    "recover after 0": ({"recover_after": 0}, "recover_after"),
    "reminder of 299": ({"reminder_seconds": 299}, "reminder_seconds", "300"),
    "reminder beyond a month": ({"reminder_seconds": 2592001}, "reminder_seconds", "2592000"),
    "reminder below 0": ({"reminder_seconds": -1}, "reminder_seconds"),
    "parent that is none": ({"parents": ["abc123"]}, "parents"),
    "parent that nobody has": ({"parents": [PARENT]}, "parents"),
    "parents as a text": ({"parents": PARENT}, "parents"),
    "channel that nobody has": ({"channels": ["ch_999999"]}, "channels"),
    "channel number": ({"channels": [1]}, "channels"),
    "unknown field": ({"perod": 60}, "perod"),
    "id": ({"id": PARENT}, "id"),
    "status": ({"status": "up"}, "status"),
    "created_at": ({"created_at": 1}, "created_at"),
}

TAGS = {
    "a string": ("production,database", "production,database"),
    "a string with spaces": (" production , database ", "production,database"),
    "a list": (["production", "database"], "production,database"),
    "an empty list": ([], ""),
    "a list of one": (["production"], "production"),
    "lists in a list": (["a,b", "c"], "a,b,c"),
    "empty and double ones": (["a", "", "b", "a", " "], "a,b"),
    "words": ("two words,einfach", "two words,einfach"),
}


@pytest.fixture(scope="module")
def pro(stack):
    """Refusals leave nothing behind, and others are deleted: one account for all."""
    api = stack.account("pro")
    yield api
    api.close()


def create(api, **fields) -> dict:
    answer = api.post("/api/v1/checks", json=fields)
    assert answer.status_code == 201, answer.text
    check = answer.json()["check"]
    shapes.check_check(check)
    return check


def show(api, check: dict) -> dict:
    answer = api.get(f"/api/v1/checks/{check['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()["check"]


def delete(api, *checks: dict) -> None:
    for check in checks:
        assert api.delete(f"/api/v1/checks/{check['id']}").json() == {"deleted": True}


def path(check: dict, action: str = "") -> str:
    return f"/api/v1/checks/{check['id']}{action}"


def test_defaults(pro):
    check = create(pro)
    assert {name: check[name] for name in DEFAULTS} == DEFAULTS
    assert set(check) - set(DEFAULTS) == {"id", "created_at", "updated_at"}
    delete(pro, check)


@pytest.mark.parametrize("fields", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(pro, fields):
    check = create(pro, **fields)
    assert {name: check[name] for name in fields} == fields
    assert show(pro, check) == check
    assert check in pro.get("/api/v1/checks").json()["checks"]
    delete(pro, check)


@pytest.mark.parametrize("fields, words", [(fields, words) for fields, *words in REFUSED.values()], ids=REFUSED.keys())
def test_refused_with_the_reason(pro, fields, words):
    shapes.check_api_error(pro.post("/api/v1/checks", json=fields), 400, *words)
    assert pro.get("/api/v1/checks").json() == {"checks": []}


def test_refused_by_update_alike(pro):
    check = create(pro, name="as it was")
    for fields, *words in REFUSED.values():
        if list(fields) not in (["maint_start"], ["maint_end"]):  # the other end is the check's own
            shapes.check_api_error(pro.patch(path(check), json=fields), 400, *words)
    shapes.check_api_error(pro.patch(path(check), json={}), 400, "No field")
    assert show(pro, check) == check
    delete(pro, check)


@pytest.mark.parametrize("sent, kept", TAGS.values(), ids=TAGS.keys())
def test_tags(pro, sent, kept):
    check = create(pro, tags=sent)
    assert check["tags"] == kept
    assert pro.patch(path(check), json={"tags": "other"}).json()["check"]["tags"] == "other"
    assert pro.patch(path(check), json={"tags": sent}).json()["check"]["tags"] == kept
    delete(pro, check)


@pytest.mark.parametrize("content", [b"", b"[]", b'"x"', b"{", b'{"name":"a","name":"b"}', b'{"name":"a\\u0000b"}'])
def test_broken_bodies(pro, content):
    answer = pro.post("/api/v1/checks", content=content, headers={"Content-Type": "application/json"})
    shapes.check_api_error(answer, 400)


def test_a_cron_expression_in_place_of_the_period(pro):
    check = create(pro, cron_expression="0 2 * * *", timezone="Europe/Berlin")
    assert (check["cron_expression"], check["timezone"]) == ("0 2 * * *", "Europe/Berlin")
    assert check["period"] in (82800, 86400, 90000)  # the clocks may change tonight
    changed = pro.patch(path(check), json={"period": 120}).json()["check"]
    assert (changed["period"], changed["cron_expression"]) == (120, None)
    changed = pro.patch(path(check), json={"cron_expression": "*/5 * * * *"}).json()["check"]
    assert (changed["period"], changed["cron_expression"]) == (300, "*/5 * * * *")
    delete(pro, check)


def test_update_changes_what_is_sent_and_nothing_else(pro):
    check = create(pro, name="x", tags="a", maint_schedule="daily:02:00-04:00")
    for change in ({"name": "Daily DB backup", "grace": 900}, {"period": 60}, {"tags": "b,c"}, {"group": "g"},
                   {"slug": "s"}, {"slug": None}, {"maint_schedule": ""}, {"maint_start": 5, "maint_end": 6},
                   {"maint_end": 7}, {"maint_start": None, "maint_end": None}, {"alert_after": 3, "recover_after": 2},
                   {"reminder_seconds": 3600}, {"channels": []}, {"channels": None}):
        answer = pro.patch(path(check), json=change)
        assert answer.status_code == 200, answer.text
        assert list(answer.json()) == ["check"]
        expected = check | change | {"updated_at": answer.json()["check"]["updated_at"]}
        assert answer.json()["check"] == expected
        assert show(pro, check) == expected
        check = expected
    delete(pro, check)


def test_the_ends_of_a_window_are_held_together(pro):
    check = create(pro, maint_start=1707700000, maint_end=1707703600)
    for change in ({"maint_start": 1707703600}, {"maint_end": 1707700000}, {"maint_start": None}, {"maint_end": None}):
        shapes.check_api_error(pro.patch(path(check), json=change), 400, "maint_")
    assert show(pro, check) == check
    delete(pro, check)


def test_parents(pro):
    parent, other = create(pro, name="parent"), create(pro, name="other")
    child = create(pro, parents=[parent["id"], other["id"]])
    assert child["parents"] == [parent["id"], other["id"]]
    shapes.check_api_error(pro.patch(path(parent), json={"parents": [parent["id"]]}), 400, "parents")
    shapes.check_api_error(pro.patch(path(parent), json={"parents": [child["id"]]}), 400, "parents")
    shapes.check_api_error(pro.patch(path(child), json={"parents": [parent["id"]] * 2}), 400, "parents")
    delete(pro, parent)
    assert show(pro, child)["parents"] == [other["id"]]
    delete(pro, child, other)


def test_slugs_are_unique_in_an_account(stack, pro, business):
    check = create(pro, slug="nightly")
    answer = pro.post("/api/v1/checks", json={"slug": "nightly"})
    shapes.check_api_error(answer, 409, "slug", check["id"])
    other = create(pro)
    shapes.check_api_error(pro.patch(path(other), json={"slug": "nightly"}), 409, "slug")
    assert pro.patch(path(check), json={"slug": "nightly"}).status_code == 200
    assert create(business, slug="nightly")["slug"] == "nightly"
    delete(pro, check, other)


def test_list_is_newest_first_and_can_be_narrowed(business):
    first = create(business, name="1", tags="production,database", group="a")
    second = create(business, name="2", tags="production", group="b")
    third = create(business, name="3", tags="database,productions", group="a")

    def names(**query) -> list[str]:
        answer = business.get("/api/v1/checks", params=query)
        return [check["name"] for check in answer.json()["checks"]]
    assert names() == ["3", "2", "1"]
    assert names(tag="production") == ["2", "1"]
    assert names(tag="database") == ["3", "1"]
    assert names(group="a") == ["3", "1"]
    assert names(group="a", tag="production") == ["1"]
    assert names(tag="none") == names(group="none") == []
    shapes.check_api_error(business.get("/api/v1/checks?tag=a&tag=b"), 400, "tag")
    delete(business, first, second, third)


def test_pause_and_resume(pro):
    check = create(pro)
    assert pro.post(path(check, "/resume")).json() == {"resumed": True}
    for _ in range(2):
        assert pro.post(path(check, "/pause")).json() == {"paused": True}
    paused = show(pro, check)
    assert (paused["status"], paused["paused_reason"]) == ("paused", None)
    assert pro.get(f"/ping/{check['id']}").text == "OK"
    assert pro.post(path(check, "/resume"), json={}).json() == {"resumed": True}
    assert show(pro, check)["status"] == "new"
    shapes.check_api_error(pro.post(path(check, "/pause"), json={"for": 5}), 400, "for")
    delete(pro, check)


def test_delete_is_final(pro):
    check = create(pro)
    delete(pro, check)
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("GET", "/pings"),
                           ("GET", "/alerts"), ("GET", "/flips"), ("GET", "/uptime")):
        shapes.check_api_error(pro.request(method, path(check, action)), 404, "Check not found")
    shapes.check_api_error(pro.patch(path(check), json={"name": "x"}), 404, "Check not found")
    assert pro.get(f"/ping/{check['id']}").status_code == 404


def test_checks_of_others_do_not_exist(pro, business):
    check = create(pro)
    assert business.get("/api/v1/checks").json() == {"checks": []}
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("GET", "/pings"),
                           ("GET", "/alerts"), ("GET", "/flips"), ("GET", "/uptime")):
        shapes.check_api_error(business.request(method, path(check, action)), 404, "Check not found")
    shapes.check_api_error(business.patch(path(check), json={"name": "mine"}), 404, "Check not found")
    assert show(pro, check) == check
    delete(pro, check)


@pytest.mark.parametrize("name", ["abc123", "x" * 15, "x" * 17, "0Bbk4dSVbgQdGxl_", "0" * 16, PARENT])
def test_ids_of_none(pro, name):
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("GET", "/pings")):
        shapes.check_api_error(pro.request(method, f"/api/v1/checks/{name}{action}"), 404)


def test_an_id_with_another_end_is_another_one(pro):
    """What is behind the number in a name is made of the number."""
    check = create(pro)
    last = "a" if check["id"][-1] != "a" else "b"
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("GET", "/uptime")):
        answer = pro.request(method, f"/api/v1/checks/{check['id'][:-1]}{last}{action}")
        shapes.check_api_error(answer, 404, "Check not found")
    assert show(pro, check) == check
    delete(pro, check)


def test_names_outlive_a_change_of_the_secret(stack, pro):
    check = create(pro)
    gateway = stack.add("gateway", CRONCOCO_SECRET="x" * 64)
    gateway.wait_ready()
    try:
        with stack.api(stack.of("gateway").index(gateway), pro.key) as other:
            assert show(other, check) == check
            assert other.patch(path(check), json={"name": "renamed"}).json()["check"]["name"] == "renamed"
            delete(other, check)
    finally:
        gateway.end()
        stack.processes.remove(gateway)


def test_the_number_of_checks_is_the_plans(stack):
    api = stack.account("pro")
    items = {"checks": [{"name": str(i)} for i in range(99)]}
    assert api.post("/api/v1/checks/import", json=items).json()["imported"] == 99
    check = create(api)
    shapes.check_api_error(api.post("/api/v1/checks", json={}), 403, "100")
    delete(api, check)
    create(api)
    stack.set_plan(api.address, "business")
    create(api)
    api.close()


def test_enterprise_may_wait_for_a_year(stack):
    api = stack.account("enterprise")
    check = create(api, period=31536000, grace=31536000)
    assert (check["period"], check["grace"]) == (31536000, 31536000)
    shapes.check_api_error(api.post("/api/v1/checks", json={"period": 31536001}), 400, "period", "31536000")
    api.close()


def test_a_repeated_request_makes_one_check(stack, pro):
    key = {"Idempotency-Key": "once"}
    answers = [pro.post("/api/v1/checks", json={"name": "once"}, headers=key) for _ in range(2)]
    with stack.api(1, pro.key) as other:
        answers.append(other.post("/api/v1/checks", json={"name": "once"}, headers=key))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert len(pro.get("/api/v1/checks").json()["checks"]) == 1
    shapes.check_api_error(pro.post("/api/v1/checks", json={"name": "twice"}, headers=key), 409, "Idempotency-Key")
    delete(pro, answers[0].json()["check"])


def test_wide_texts_are_counted_as_characters(pro):
    check = create(pro, name="\u00e4" * 100, group="\U0001f4a5" * 100, tags="\u00f6" * 250)
    assert json.loads(pro.get(path(check)).text)["check"]["tags"] == "\u00f6" * 250
    delete(pro, check)
