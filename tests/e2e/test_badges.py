"""Badges: what they say, and how they may be kept."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

import check_ids
import client
import pings
import shapes
import wait
from test_check_history import make_history

COLORS = {"up": "#22c55e", "down": "#ef4444", "late": "#f59e0b", "paused": "#6b7280", "new": "#3b82f6"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def account(stack):
    api = stack.account("pro")
    yield pings.account_of(stack, api)
    api.close()


@pytest.fixture
def check(stack, account):
    return pings.new_check(stack, account)


def parse(answer, status: int = 200) -> tuple[str, str, str]:
    """Label, message and color."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    root = ElementTree.fromstring(answer.text)
    assert root.tag == SVG + "svg" and root.get("role") == "img"
    texts = [text.text for text in root.iter(SVG + "text") if text.get("aria-hidden") is None]
    assert len(texts) == 2
    assert root.get("aria-label") == root.find(SVG + "title").text == ": ".join(texts)
    colors = [path.get("fill") for path in root.iter(SVG + "path")]
    assert colors[0] == "#555" and len(colors) == 2
    assert 40 < int(root.get("width")) < 800 and root.get("height") == "20"
    return *texts, colors[1]


def set_status(stack, check, status: str) -> None:
    stack.postgres.query("DELETE FROM check_state WHERE check_id = %s", check.id)
    make_history(stack, check, "1 day", status)


@pytest.mark.parametrize("status, color", COLORS.items())
def test_status(stack, anonymous, check, status, color):
    set_status(stack, check, status)
    answer = anonymous.get(f"/badge/{check.name}")
    assert parse(answer) == ("status", status, color)
    assert answer.headers["cache-control"] == "public, max-age=30"


def test_a_check_without_a_state_is_new_or_paused(stack, anonymous, account):
    assert parse(anonymous.get(f"/badge/{pings.new_check(stack, account).name}"))[1] == "new"
    paused = pings.new_check(stack, account)
    stack.postgres.query("UPDATE checks SET paused = true WHERE id = %s", paused.id)
    assert parse(anonymous.get(f"/badge/{paused.name}"))[1] == "paused"


def test_a_name_as_of_a_file(stack, anonymous, check):
    for path in (f"/badge/{check.name}.svg", f"/badge/{check.name}.svg/uptime"):
        assert anonymous.get(path).text == anonymous.get(path.replace(".svg", "")).text


def test_no_account_is_in_it(stack, anonymous, check):
    stack.postgres.query("UPDATE checks SET name = 'secret name' WHERE id = %s", check.id)
    assert "secret" not in anonymous.get(f"/badge/{check.name}").text


@pytest.mark.parametrize("name", ["abc123", "x", "0" * 16, "0Bbk4dSVbgQdGxlK", "0Bbk4dSVbgQdGxlK.svg", ".svg", "a%2Fb",
                                  "%3Cscript%3E"])
def test_not_found(anonymous, name):
    answer = anonymous.get(f"/badge/{name}")
    assert parse(answer, 404) == ("status", "not found", "#6b7280")
    assert parse(anonymous.get(f"/badge/{name}/uptime"), 404)[1] == "not found"


def test_of_a_check_that_is_gone(stack, anonymous, check):
    assert anonymous.get(f"/badge/{check.name}").status_code == 200
    stack.postgres.query("DELETE FROM checks WHERE id = %s", check.id)
    wait.until(lambda: anonymous.get(f"/badge/{check.name}").status_code == 404, 5, "the badge to be gone")


def test_a_name_made_under_another_secret(stack, anonymous, account):
    check = pings.new_check(stack, account, secret="another secret of long ago")
    assert parse(anonymous.get(f"/badge/{check.name}"))[1] == "new"
    ours = check_ids.check(stack.secret, check.id)
    assert ours != check.name and anonymous.get(f"/badge/{ours}").status_code == 404


UPTIMES = [  # hours down of the last 24, and what the badge says
    ("0 s", "100%", "#22c55e"), ("1 s", "99.99%", "#22c55e"), ("400 s", "99.53%", "#22c55e"), ("440 s", "99.49%", "#f59e0b"),
    ("2 hours", "91.66%", "#ef4444"), ("1 hours", "95.83%", "#f59e0b"), ("24 hours", "0%", "#ef4444")]


@pytest.mark.parametrize("down, message, color", UPTIMES)
def test_uptime(stack, anonymous, check, down, message, color):
    flips = [("89 days", "new", "up")]
    if down != "0 s":
        flips.append((down, "up", "down"))
    make_history(stack, check, "90 days", "up" if down == "0 s" else "down", *flips)
    answer = anonymous.get(f"/badge/{check.name}/uptime")
    assert answer.headers["cache-control"] == "public, max-age=60"
    label, shown, shown_color = parse(answer)
    assert label == "uptime 24h" and shown_color == color
    assert float(shown[:-1]) == pytest.approx(float(message[:-1]), abs=0.02) and shown.endswith("%")
    if down in ("0 s", "24 hours"):
        assert shown == message


def test_uptime_periods(stack, anonymous, check):
    make_history(stack, check, "90 days", "up", ("89 days", "new", "up"), ("48 hours", "up", "down"), ("36 hours", "down", "up"))
    found = {period: parse(anonymous.get(f"/badge/{check.name}/uptime", params={"period": period}))
             for period in ("24h", "7d", "30d")}
    assert found["24h"] == ("uptime 24h", "100%", "#22c55e")
    assert found["7d"] == ("uptime 7d", "92.85%", "#ef4444")
    assert found["30d"] == ("uptime 30d", "98.33%", "#f59e0b")
    assert parse(anonymous.get(f"/badge/{check.name}/uptime")) == found["24h"]


def test_uptime_of_a_check_that_was_not_watched(anonymous, check):
    assert parse(anonymous.get(f"/badge/{check.name}/uptime")) == ("uptime 24h", "no data", "#6b7280")


@pytest.mark.parametrize("period", ["", "1h", "24H", "365d", "24h,7d"])
def test_other_periods(anonymous, check, period):
    answer = anonymous.get(f"/badge/{check.name}/uptime", params={"period": period})
    shapes.check_error(answer, 400, "24h, 7d or 30d", member="error")


def test_labels(anonymous, check):
    for label in ("backup", "Nächtliche Sicherung", "<script>alert('1')</script> & \"co\"", "\U0001f4a5", "x" * 64):
        shown = parse(anonymous.get(f"/badge/{check.name}", params={"label": label}))
        assert shown[0] == label
    assert parse(anonymous.get("/badge/abc123", params={"label": "a"}), 404)[0] == "a"
    for label in ("x" * 65, "a\nb", "a\x7fb"):
        shapes.check_error(anonymous.get(f"/badge/{check.name}", params={"label": label}), 400, "label", member="error")
    shapes.check_error(anonymous.get(f"/badge/{check.name}?label=%ff"), 400, "label", member="error")


def test_a_longer_text_has_more_room(anonymous, check):
    widths = [int(re.search(r'width="(\d+)"', anonymous.get(f"/badge/{check.name}", params={"label": label}).text)[1])
              for label in ("i", "m", "mm", "mmm")]
    assert widths == sorted(widths) and len(set(widths)) == 4


def test_a_copy_can_be_kept(stack, anonymous, check):
    for path in (f"/badge/{check.name}", f"/badge/{check.name}/uptime"):
        first = anonymous.get(path)
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            answer = anonymous.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
            assert answer.headers["cache-control"] == first.headers["cache-control"]
        assert anonymous.get(path, headers={"If-None-Match": '"other"'}).text == first.text
    set_status(stack, check, "down")
    wait.until(lambda: anonymous.get(f"/badge/{check.name}", headers={"If-None-Match": tag}).status_code == 200, 5, "another badge")
    assert anonymous.get("/badge/abc123", headers={"If-None-Match": "*"}).status_code == 404


def test_head(anonymous, check):
    for path in (f"/badge/{check.name}", f"/badge/{check.name}/uptime", "/badge/abc123"):
        get, head = anonymous.get(path), anonymous.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers[name] == get.headers[name]


def test_methods(anonymous, check):
    assert anonymous.post(f"/badge/{check.name}").status_code == 405
    assert anonymous.options(f"/badge/{check.name}").headers["allow"] == "GET, HEAD, OPTIONS"


def test_one_badge_is_looked_up_once_a_moment(stack, check):
    with stack.api() as api, stack.postgres.connect() as blocker, blocker.transaction():
        shown = api.get(f"/badge/{check.name}")
        blocker.execute("LOCK TABLE checks IN ACCESS EXCLUSIVE MODE")  # what asks PostgreSQL now has to wait
        assert [api.get(f"/badge/{check.name}", headers={"X-Request-Id": str(i)}).text for i in range(5)] == [shown.text] * 5
        blocker.execute("ROLLBACK")


def test_invented_names_make_no_work_without_bound(stack):
    """From one address so many are looked up in a minute; the others are answered all the same."""
    gateway = stack.add("gateway")
    gateway.wait_ready()
    try:
        url = f"http://127.0.0.1:{gateway.variables['PORT']}"
        statuses = {client.request("GET", f"{url}/badge/{check_ids.check('x' * 40, i + 1)}").status_code for i in range(150)}
        assert statuses == {404}
        assert gateway.metric('croncoco_http_refused_total{what="rate"}') >= 40  # some of the rate comes back meanwhile
    finally:
        gateway.end()
        stack.processes.remove(gateway)
