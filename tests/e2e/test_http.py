"""HTTP itself: methods, sizes, framing, slow and many clients."""

import json
import socket
import time

import pytest

import shapes
from raw_http import Connection, request

JSON = "Content-Type: application/json"
ROUTES = {
    "/register": "POST", "/verify-email": "POST", "/request-key-rotation": "POST", "/rotate-key": "POST",
    "/account/delete-request": "POST", "/account": "GET PATCH DELETE", "/jobs": "GET POST",
    "/jobs/1": "PATCH DELETE", "/jobs/1/executions": "GET", "/cron/preview": "GET",
}


def methods_of(header: str) -> set[str]:
    return {method.strip() for method in header.split(",")}


@pytest.mark.parametrize("path, methods", ROUTES.items())
def test_other_methods_are_named(api, path, methods):
    documented = set(methods.split())
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FROB"} - documented:
        answer = api.request(method, path)
        if answer.status_code == 405:
            shapes.check_error(answer, 405)
            assert documented <= methods_of(answer.headers["allow"])
        else:  # a route of our own beside the documented ones, which Allow names
            assert method == "GET" and path == "/jobs/1", answer.text


@pytest.mark.parametrize("path, methods", ROUTES.items())
def test_options(anonymous, path, methods):
    answer = anonymous.options(path)
    assert answer.status_code in (200, 204) and answer.content == b""
    assert set(methods.split()) | {"OPTIONS"} <= methods_of(answer.headers["allow"])


def test_head_is_get_without_a_body(api):
    api.create_job()
    for path in ("/jobs", "/account"):
        get, head = api.get(path), api.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length"):
            assert head.headers[name] == get.headers[name]
    assert api.head("/nowhere").status_code == 404
    assert api.head("/jobs", headers={"Authorization": "Bearer coco_" + "a" * 43}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/job", "/jobs/", "/jobs/x", "/jobs/0", "/jobs/-1", "/jobs/1/", "/jobs/1x",
                                  "/jobs/99999999999999999999", "/jobs/1/executions/2", "//jobs", "/JOBS",
                                  "/%2e%2e/jobs", "/jobs/%00"])
def test_unknown_paths(api, path):
    shapes.check_error(api.get(path), 404)


@pytest.mark.parametrize("size, status", [(65536, 400), (65537, 413), (10_000_000, 413)])
def test_body_size(api, size, status):
    answer = api.post("/jobs", content=b"x" * size, headers={"Content-Type": "application/json"})
    shapes.check_error(answer, status)


@pytest.mark.parametrize("content_type, status", [
    ("application/json", 201), ("application/json; charset=utf-8", 201), ("APPLICATION/JSON", 201),
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/jsonx", 415)])
def test_content_type(api, content_type, status):
    body = json.dumps({"name": "x", "cron_expression": "0 * * * *", "webhook_url": "https://example.com/"})
    answer = api.post("/jobs", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    if status == 415:
        shapes.check_error(answer, 415, "application/json")


def test_request_ids(anonymous):
    first, second = (anonymous.get("/account").headers["x-request-id"] for _ in range(2))
    assert first and second and first != second
    given = anonymous.get("/account", headers={"X-Request-Id": "trace-42.a_b"})
    assert given.headers["x-request-id"] == "trace-42.a_b"
    forged = anonymous.get("/account", headers={"X-Request-Id": 'a"b c'})
    assert forged.headers["x-request-id"] not in ('a"b c', "")


def test_every_request_is_in_the_access_log_without_secrets(stack, api):
    api.get("/account", headers={"X-Request-Id": "find-" + api.key[5:15]})
    gateway = stack.of("gateway")[0]
    (line,) = [line for line in gateway.lines("request") if line["request"] == "find-" + api.key[5:15]]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/account", 200)
    assert api.key not in gateway.log.read_text()


BROKEN = {
    "length and coding": request("POST", "/register", JSON, "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "two lengths": request("POST", "/register", JSON, "Content-Length: 2", "Content-Length: 2") + b"{}",
    "two different lengths": request("POST", "/register", JSON, "Content-Length: 2", "Content-Length: 3") + b"{} ",
    "length of words": request("POST", "/register", JSON, "Content-Length: two") + b"{}",
    "negative length": request("POST", "/register", JSON, "Content-Length: -2") + b"{}",
    "no host": request("GET", "/account", host=None),
    "two hosts": request("GET", "/account", "Host: other"),
    "folded header": request("GET", "/account", "X-A: b\r\n c"),
    "space before the colon": request("GET", "/account", "Content-Length : 0"),
    "no version": b"GET /account\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_broken_framing_is_refused(stack, data):
    with Connection(stack.port()) as connection:
        status, _, body = connection.send(data).answer()
        assert status == 400 or (status == 0 and body == b""), (status, body)
        if status == 400 and body != b"Bad Request":  # h2o's own, for what is no HTTP
            assert list(json.loads(body)) == ["detail"]
        # What follows on the connection may be the middle of a body: it must not be served.
        try:
            connection.send(request("GET", "/cron/preview?expression=*+*+*+*+*"))
            assert connection.answer()[0] in (0, 400)
        except (ConnectionError, TimeoutError):
            pass


def test_headers_are_bounded(stack):
    with Connection(stack.port()) as connection:
        status, *_ = connection.send(request("GET", "/account", "X-Large: " + "x" * 100_000)).answer()
        assert status in (0, 400, 431)
    with Connection(stack.port()) as connection:
        many = [f"X-{i}: v" for i in range(2000)]
        status, *_ = connection.send(request("GET", "/account", *many)).answer()
        assert status in (0, 400, 431)


def test_chunked_bodies_are_read(stack, api):
    body = json.dumps({"failure_email_enabled": False}).encode()
    chunks = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\n\r\n"
    with Connection(stack.port()) as connection:
        head = request("PATCH", "/account", JSON, "Transfer-Encoding: chunked", f"Authorization: Bearer {api.key}")
        assert connection.send(head + chunks).answer()[0] == 200
    assert api.get("/account").json()["failure_email_enabled"] is False


def test_a_chunked_body_is_bounded(stack, api):
    with Connection(stack.port()) as connection:
        connection.send(request("PATCH", "/account", JSON, "Transfer-Encoding: chunked", f"Authorization: Bearer {api.key}"))
        try:
            for _ in range(200):
                connection.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            connection.send(b"0\r\n\r\n")
        except ConnectionError:
            pass
        assert connection.answer()[0] in (0, 413)


def test_keep_alive(stack):
    with Connection(stack.port()) as connection:
        for _ in range(50):
            assert connection.send(request("GET", "/account")).answer()[0] == 401
        assert connection.send(request("GET", "/account", "Connection: close")).answer()[0] == 401
        assert connection.closed(2)


def test_pipelining_keeps_the_order(stack, api):
    authorization = f"Authorization: Bearer {api.key}"
    paths = ["/account", "/jobs", "/nowhere"] * 20
    with Connection(stack.port()) as connection:
        connection.send(b"".join(request("GET", path, authorization, f"X-Request-Id: {i}")
                                 for i, path in enumerate(paths)))
        for i, path in enumerate(paths):
            status, headers, body = connection.answer()
            assert (status, headers["x-request-id"]) == (404 if path == "/nowhere" else 200, str(i))
            json.loads(body)


def test_http_1_0(stack):
    with Connection(stack.port()) as connection:
        assert connection.send(request("GET", "/account", host=None, version="1.0")).answer()[0] == 401
        assert connection.closed(2)


def test_a_slow_client_is_cut_off(stack):
    with Connection(stack.port()) as connection:
        begin = time.monotonic()
        connection.send(b"POST /register HTTP/1.1\r\nHost: x\r\n")
        try:
            while time.monotonic() - begin < 30:
                connection.send(b"X-Slow: 1\r\n")
                connection.socket.settimeout(1)
                try:
                    if connection.socket.recv(4096) == b"":
                        break
                except TimeoutError:
                    continue
        except ConnectionError:
            pass
        assert time.monotonic() - begin < 20


def test_a_client_that_leaves_does_no_harm(stack, api):
    authorization = f"Authorization: Bearer {api.key}"
    body = json.dumps({"failure_email_enabled": True}).encode()
    for _ in range(50):
        with Connection(stack.port()) as connection:
            connection.send(request("PATCH", "/account", JSON, authorization, body=body))
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert api.get("/account").status_code == 200


def test_many_idle_connections(stack, api):
    idle = [Connection(stack.port()) for _ in range(800)]
    try:
        begin = time.monotonic()
        assert api.get("/account").status_code == 200
        assert time.monotonic() - begin < 2
        for connection in idle[::100]:
            assert connection.send(request("GET", "/account")).answer()[0] == 401
    finally:
        for connection in idle:
            connection.socket.close()
