"""The contract, openapi.yaml: whether an exchange with a gateway keeps to it."""

import dataclasses
import datetime
import json
import pathlib
import re

import httpx
import jsonschema
import yaml

FILE = pathlib.Path(__file__).resolve().parents[2] / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
# Of the connection and of every body; the document names all others.
GENERAL_HEADERS = {"connection", "content-length", "content-type", "date", "server"}
# What is refused before its path is looked at, but for the form of its error.
EARLY = {"400": "BadRequest", "413": "ContentTooLarge", "417": "ExpectationFailed", "431": "HeadersTooLarge",
         "503": "Unavailable"}
# The paths whose errors have another form, and the prefix that the names of their answers have.
SURFACES = {"/api/v1": ("checks", "Api"), "/ping": ("public", "Public"), "/badge": ("public", "Public")}

FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value) -> bool:
    return not isinstance(value, str) or datetime.datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("email")
def is_email(value) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


@dataclasses.dataclass(frozen=True)
class Exchange:
    method: str
    target: str  # path and query as they were sent
    request_headers: httpx.Headers
    request_body: bytes
    status: int
    headers: httpx.Headers
    body: bytes

    @classmethod
    def of(cls, response: httpx.Response) -> "Exchange":
        request = response.request
        return cls(request.method, request.url.raw_path.decode("ascii"), request.headers, request.content,
                   response.status_code, response.headers, response.content)

    def path(self) -> str:
        return self.target.partition("?")[0]

    def query(self) -> httpx.QueryParams:
        return httpx.QueryParams(self.target.partition("?")[2])


class Breach(AssertionError):
    """An exchange that the contract does not know."""


def resolved(document: dict, node):
    """The node without references: each is replaced by what it names."""
    if isinstance(node, list):
        return [resolved(document, each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return resolved(document, target)
    return {name: resolved(document, value) for name, value in node.items()}


def json_schema(schema):
    """A schema of OpenAPI 3.0 in the words of JSON Schema, which has another one for null."""
    if isinstance(schema, list):
        return [json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    words = {name: json_schema(value) for name, value in schema.items() if name not in ("nullable", "example")}
    if schema.get("nullable") is True:
        words["type"] = [schema["type"], "null"]
    return words


def complaints(schema: dict, value) -> list[str]:
    validator = jsonschema.Draft4Validator(json_schema(schema), format_checker=FORMATS)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def typed(schema: dict, text: str):
    """The value that a text of a header, path or query stands for."""
    return int(text) if schema["type"] == "integer" and re.fullmatch("-?[0-9]+", text) else text


def surface_of(path: str) -> tuple[str, str]:
    """Which requests without an operation a path is among, and how the names of its errors begin."""
    return next((surface for prefix, surface in SURFACES.items() if f"{path}/".startswith(f"{prefix}/")), ("jobs", ""))


def path_pattern(template: str, parameters: list[dict]) -> re.Pattern:
    """Numbers are written in one way, and make the groups; a text is a segment, of its pattern if it has one."""
    schemas = {each["name"]: each["schema"] for each in parameters if each["in"] == "path"}
    parts = re.split(r"\{(\w+)\}", template)
    assert set(parts[1::2]) == set(schemas), f"{template} and its parameters"

    def form(name: str) -> str:
        if schemas[name]["type"] == "integer":
            return "([1-9][0-9]{0,18})"
        return schemas[name].get("pattern", "^[^/]+$")[1:-1]
    return re.compile("".join(form(part) if i % 2 else re.escape(part) for i, part in enumerate(parts)))


class Contract:
    def __init__(self, text: str):
        self.document = yaml.safe_load(text)
        self.whole = resolved(self.document, self.document)
        self.paths = [(path_pattern(template, item.get("parameters", [])), template.count("/"), item)
                      for template, item in self.whole["paths"].items()]

    def operations(self):
        """Each as (method, path, operation), the operation with the parameters of its path."""
        for path, item in self.whole["paths"].items():
            for method in METHODS:
                if method in item:
                    parameters = item.get("parameters", []) + item[method].get("parameters", [])
                    yield method.upper(), path, item[method] | {"parameters": parameters}

    def _path_item(self, path: str) -> dict | None:
        for pattern, slashes, item in self.paths:
            match = pattern.fullmatch(path)
            if match and path.count("/") == slashes and all(int(number) < 2 ** 63 for number in match.groups()):
                return item
        return None

    def _others(self, path: str, what: str, status: str) -> dict:
        """The answers to a request that names no operation."""
        surface, prefix = surface_of(path)
        early = {code: self.whole["components"]["responses"][prefix + name] for code, name in EARLY.items()}
        return early | {status: self.whole["x-other-requests"][surface][what]}

    def _find(self, exchange: Exchange) -> tuple[dict, dict | None]:
        """The answers that the request may get, and its operation if there is one."""
        item = self._path_item(exchange.path())
        method = exchange.method.lower()
        if item is None:
            return self._others(exchange.path(), "path", "404"), None
        if method == "options":
            return self._others(exchange.path(), "options", "204"), None
        operation = item.get("get" if method == "head" else method) if method in (*METHODS, "head") else None
        if operation is None:
            return self._others(exchange.path(), "method", "405"), None
        parameters = item.get("parameters", []) + operation.get("parameters", [])
        return operation["responses"], operation | {"parameters": parameters}

    def check(self, exchange: Exchange) -> None:
        """Raises Breach."""
        answers, operation = self._find(exchange)
        answer = answers.get(str(exchange.status))
        if answer is None:
            found = [f"status {exchange.status} is none of {', '.join(answers)}"]
        else:
            found = [*self._wrong_headers(exchange, answer), *self._wrong_body(exchange, answer)]
        if operation is not None and 200 <= exchange.status < 300:
            found += [*self._wrong_parameters(exchange, operation), *self._wrong_request(exchange, operation)]
        if found:
            raise Breach(f"{exchange.method} {exchange.target} answered {exchange.status}, and openapi.yaml does not "
                         "know this:\n  " + "\n  ".join(found) + f"\nanswer: {exchange.body[:2000]!r}")

    @staticmethod
    def _wrong_headers(exchange: Exchange, answer: dict):
        documented = answer.get("headers", {})
        for name, header in documented.items():
            for value in exchange.headers.get_list(name):
                yield from (f"{name} {each}" for each in complaints(header["schema"], typed(header["schema"], value)))
            if header.get("required") and name not in exchange.headers:
                yield f"header {name} is missing"
        known = GENERAL_HEADERS | {name.lower() for name in documented}
        yield from (f"header {name} is unknown" for name in sorted(set(exchange.headers) - known))

    @staticmethod
    def _wrong_body(exchange: Exchange, answer: dict):
        content = answer.get("content", {})
        media = exchange.headers.get("content-type")
        if not content and media is not None or content and media not in content:
            yield f"Content-Type {media} is none of {list(content)}"
        elif not content or exchange.method == "HEAD":
            if exchange.body:
                yield "a body where there is none"
        elif media == "application/json":
            try:
                yield from complaints(content[media]["schema"], json.loads(exchange.body))
            except ValueError as error:
                yield f"the body is no JSON: {error}"
        else:
            yield from complaints(content[media]["schema"], exchange.body.decode())

    @staticmethod
    def _wrong_parameters(exchange: Exchange, operation: dict):
        """The request succeeded, so the document must allow it."""
        sent = {"query": exchange.query(), "header": exchange.request_headers}
        for each in operation["parameters"]:
            if each["in"] == "path":
                continue  # held against its pattern already
            value = sent[each["in"]].get(each["name"])
            if value is not None:
                yield from (f"{each['name']} {what}" for what in
                            complaints(each["schema"], typed(each["schema"], value)))
            elif each.get("required"):
                yield f"it succeeded without {each['name']}"

    @staticmethod
    def _wrong_request(exchange: Exchange, operation: dict):
        body = operation.get("requestBody")
        if body is not None and (body["required"] or exchange.request_body) and "*/*" not in body["content"]:
            schema = body["content"]["application/json"]["schema"]
            yield from (f"it succeeded with the body {each}" for each in
                        complaints(schema, json.loads(exchange.request_body)))


CONTRACT = Contract(FILE.read_text())


def check(response: httpx.Response) -> None:
    """For the event hooks of a client."""
    response.read()
    CONTRACT.check(Exchange.of(response))
