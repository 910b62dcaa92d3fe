"""GET /cron/preview: when an expression fires."""

import pytest

import raw_http
import shapes

FROM = "2026-05-09T13:22:10+00:00"


def preview(anonymous, expression: str, **query) -> list[str]:
    answer = anonymous.get("/cron/preview", params={"expression": expression, "from": FROM} | query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["expression", "timezone", "next"]
    assert (body["expression"], body["timezone"]) == (expression, "UTC")
    for time in body["next"]:
        shapes.parse_time(time)
    return [time.removesuffix(":00+00:00") for time in body["next"]]


@pytest.mark.parametrize("expression, expected", [
    ("* * * * *", ["2026-05-09T13:23", "2026-05-09T13:24"]),
    ("0 * * * *", ["2026-05-09T14:00", "2026-05-09T15:00"]),
    ("0 9 * * *", ["2026-05-10T09:00", "2026-05-11T09:00"]),
    ("0 9 * * 1", ["2026-05-11T09:00", "2026-05-18T09:00"]),
    ("0 0 1 * *", ["2026-06-01T00:00", "2026-07-01T00:00"]),
    ("*/15 * * * *", ["2026-05-09T13:30", "2026-05-09T13:45"]),
    ("0 0 * * 7", ["2026-05-10T00:00", "2026-05-17T00:00"]),
    ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ("0 0 13 * fri", ["2026-05-13T00:00", "2026-05-15T00:00"]),  # either day field
    ("0 0 31 * *", ["2026-05-31T00:00", "2026-07-31T00:00"]),
    ("10-50/20 8,20 * dec MON-fri", ["2026-12-01T08:10", "2026-12-01T08:30"]),
])
def test_next_times(anonymous, expression, expected):
    assert preview(anonymous, expression, count=2) == expected


def test_count(anonymous):
    assert len(preview(anonymous, "* * * * *")) == 5
    assert len(preview(anonymous, "* * * * *", count=100)) == 100


def test_from_is_exclusive_and_has_a_zone(anonymous):
    assert preview(anonymous, "0 * * * *", count=1, **{"from": "2026-05-09T14:00:00Z"}) == ["2026-05-09T15:00"]
    assert preview(anonymous, "0 * * * *", count=1, **{"from": "2026-05-09T14:30:00+02:00"}) == ["2026-05-09T13:00"]


@pytest.mark.parametrize("expression, zone, begin, expected", [
    ("0 9 * * 1", "Europe/Berlin", FROM, ["2026-05-11T09:00:00+02:00", "2026-05-18T09:00:00+02:00"]),
    ("0 9 * * *", "Asia/Kathmandu", FROM, ["2026-05-10T09:00:00+05:45", "2026-05-11T09:00:00+05:45"]),
    ("0 9 * * *", "America/St_Johns", FROM, ["2026-05-10T09:00:00-02:30", "2026-05-11T09:00:00-02:30"]),
    ("0 9 * * *", "Etc/GMT+5", FROM, ["2026-05-09T09:00:00-05:00", "2026-05-10T09:00:00-05:00"]),
    # 02:00 to 03:00 is skipped, then comes twice.
    ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
    ("0 9 * * *", "America/New_York", "2060-03-13T12:00:00Z",
     ["2060-03-13T09:00:00-05:00", "2060-03-14T09:00:00-04:00"]),
])
def test_time_zones(anonymous, expression, zone, begin, expected):
    query = {"expression": expression, "from": begin, "count": 2, "timezone": zone}
    answer = anonymous.get("/cron/preview", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"expression": expression, "timezone": zone, "next": expected}


def test_spellings_of_time_zones(anonymous):
    def zone(spelling: str) -> str:
        return anonymous.get(f"/cron/preview?expression=0+9+*+*+*&timezone={spelling}").json()["timezone"]
    assert zone("utc") == "UTC"
    assert zone("Etc%2FGMT%2B5") == "Etc/GMT+5"


def test_plus_that_was_not_escaped(anonymous):
    with raw_http.Connection(anonymous.base_url.port) as connection:
        connection.send(raw_http.request("GET", "/cron/preview?expression=0+9+*+*+*&timezone=Etc/GMT+5"))
        status, _, body = connection.answer()
    assert status == 200
    assert b'"timezone":"Etc/GMT+5"' in body and b'-05:00"' in body


@pytest.mark.parametrize("query, words", [
    ({}, ["expression"]), ({"expression": ""}, ["cron"]), ({"expression": "* * * *"}, ["cron expression"]),
    ({"expression": "61 * * * *"}, ["minute", "61"]), ({"expression": "0 0 30 2 *"}, ["cron expression"]),
    ({"expression": "* * * * *", "count": "0"}, ["count"]), ({"expression": "* * * * *", "count": "101"}, ["count"]),
    ({"expression": "* * * * *", "count": "-1"}, ["count"]), ({"expression": "* * * * *", "count": "x"}, ["count"]),
    ({"expression": "* * * * *", "from": "yesterday"}, ["from"]),
    ({"expression": "* * * * *", "from": "2026-02-30T00:00:00Z"}, ["from"]),
    ({"expression": "* * * * *", "timezone": "Mars/Olympus"}, ["timezone"]),
    ({"expression": "* * * * *", "timezone": "europe/berlin"}, ["timezone"]),
    ({"expression": "* * * * *", "timezone": "../../etc/passwd"}, ["timezone"]),
    ({"expression": "* * * * *", "timezone": "EST5EDT4,M3.2.0,M11.1.0"}, ["timezone"]),
    ({"expression": "* * * * *", "timezone": "+02:00"}, ["timezone"]),
    ({"expression": "* * * * *", "timezone": ""}, ["timezone"]),
    ({"expression": "* * * * *", "timezone": "A" * 200}, ["timezone"]),
])
def test_refused(anonymous, query, words):
    shapes.check_error(anonymous.get("/cron/preview", params=query), 400, *words)
