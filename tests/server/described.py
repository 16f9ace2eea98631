"""Every answer below ``api/mesh/`` is held against ``openapi.yaml``."""

import json
import re
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import jupyter_mesh.server

DOCUMENT = Path(jupyter_mesh.server.__file__).with_name("openapi.yaml")

URI = "urn:openapi"


@cache
def document():
    return yaml.safe_load(DOCUMENT.read_text())


@cache
def _registry():
    resource = Resource.from_contents(document(), default_specification=DRAFT202012)
    return Registry().with_resource(URI, resource)


def _resolve(part):
    """A part of the document; what is behind a reference, if it is one."""
    while "$ref" in part:
        part = _registry().resolver(URI).lookup(part["$ref"]).contents
    return part


@cache
def _templates():
    """What matches an address, the more special ones first."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?"), path) for path in paths]


def operation(method, path):
    """The described operation of an address below ``api/mesh``; AssertionError for an unknown one."""
    for pattern, template in _templates():
        if pattern.fullmatch(path):
            item = document()["paths"][template]
            assert method.lower() in item, f"{method} {template} is not described in openapi.yaml"
            return item[method.lower()]
    raise AssertionError(f"{path} is not described in openapi.yaml")


def errors(schema, value):
    """What is wrong with a value, "" if nothing."""
    rooted = (
        {"$ref": f"{URI}{schema['$ref']}"} | {k: v for k, v in schema.items() if k != "$ref"}
        if ("$ref" in schema)
        else schema
    )
    # References inside count from the document.
    whole = {"$id": f"{URI}:value", **_absolute(rooted)}
    validator = Draft202012Validator(
        whole, registry=_registry(), format_checker=FormatChecker(["date-time"])
    )
    return "\n".join(
        f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)
    )


def _absolute(schema):
    if isinstance(schema, dict):
        return {
            key: f"{URI}{value}" if key == "$ref" and value.startswith("#") else _absolute(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_absolute(each) for each in schema]
    return schema


def check(method, path, code, headers, body):
    """Hold one answer against the document; AssertionError where it says something else."""
    responses = operation(method, path)["responses"]
    assert headers.get("Cache-Control") == "no-store", f"{method} {path} may be kept"
    response = _resolve(responses.get(str(code)) or _resolve(responses["default"]))
    content = response.get("content", {})
    if not content or method == "HEAD":
        assert not body, f"{method} {path} answers {code} with a body"
        return
    kind = headers["Content-Type"].partition(";")[0]
    assert kind in content, f"{method} {path} answers {kind}"
    if kind == "application/json":
        problem = errors(content[kind]["schema"], json.loads(body))
        assert not problem, f"{method} {path} {code}:\n{problem}\n{body.decode()[:2000]}"


def check_request(method, path, body):
    """Hold the body of a request that was granted against the document."""
    described = _resolve(operation(method, path).get("requestBody", {}))
    schema = described.get("content", {}).get("application/json", {}).get("schema")
    if body and schema:
        problem = errors(schema, json.loads(body))
        assert not problem, f"{method} {path} takes what is not described:\n{problem}"
