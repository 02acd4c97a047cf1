"""Reads a GraphQL request from a body or a URL: strictly, within limits, and completely or not at all.

Every client mistake found here is a RequestRefusedError, never a 500. Only application/json bodies and GET parameters
are read; the schema is never consulted.
Source: GraphQL over HTTP, "Request"; graphql-facts items 2 and 5.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

import orjson
from graphql import DocumentNode, IntValueNode, StringValueNode, Visitor, visit

from gateway.operations.errors import (
    MalformedRequestError,
    NumberInUrlError,
    TokenInUrlError,
    TooManyValuesError,
)
from gateway.operations.progress import GraphQLRequest
from ledger.numbers.forms import NumberKind, find_number

_PARAMETERS = ("query", "documentId", "operationName", "variables", "extensions")
_GET_PARAMETERS_MAX = 20
VARIABLES_DEPTH_MAX = 20
"""Nesting of variables, and of extensions."""

# Either a plus (which an unescaped URL turns into a space) and digits, or bare digits of a number's length that are not
# part of a word, a UUID or a cursor.
_NUMBER = re.compile(
    r"(?<![\w+])[+\uff0b\u2795]\s?(?:[(]?\d[)]?[ ()./-]{0,2}){7,15}(?!\w)"
    r"|(?<![\w+/=:.-])0{0,2}\d{9,15}(?![\w+/=:-]|\.\d)"
)
# A JWT's header and claims are JSON objects, so both begin with {" in base64url.
_TOKEN = re.compile(r"\beyJ[\w-]+\.eyJ[\w-]+\.")
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_ESCAPED_COLON = b"\\u003"
_INTEGERS_END = 2.0**63
_UNSURE: Final = object()
_EMPTY = re.compile(r"\[\s*+\]|\{\s*+\}")


def parse_body(body: bytes, *, depth_max: int = VARIABLES_DEPTH_MAX, values_max: float = math.inf) -> GraphQLRequest:
    """Parse the request in a POST body.

    Errors: MalformedRequestError, also for a list (batching), repeated keys, NUL and lone surrogates;
    TooManyValuesError.
    """
    if not body.strip():
        raise MalformedRequestError("The request body is empty.")
    return build_request(load_json(body, what="body", depth_max=depth_max + 1, values_max=values_max))


def build_request(value: Any) -> GraphQLRequest:
    """Build the request from decoded JSON.

    Errors: MalformedRequestError, which says what is wrong and never quotes the value.
    """
    if isinstance(value, list):
        raise MalformedRequestError("Batches of operations are not accepted; send one per request.")
    if not isinstance(value, dict):
        raise MalformedRequestError("The request is not a JSON object.")
    texts: dict[str, str | None] = {}
    for key in ("query", "documentId", "operationName"):
        text = texts[key] = value.get(key)
        if text is not None and not isinstance(text, str):
            raise MalformedRequestError(f"{key} is not a string.")
        if text is not None and "\x00" in text:
            raise MalformedRequestError(f"{key} contains a NUL character.")
    maps: dict[str, Mapping[str, Any]] = {}
    for key in ("variables", "extensions"):
        given = value.get(key)
        if given is not None and not isinstance(given, dict):
            raise MalformedRequestError(f"{key} is not an object.")
        maps[key] = given or {}
    query, document_id = texts["query"], texts["documentId"] or _find_hash(maps["extensions"])
    if query is None and document_id is None:
        raise MalformedRequestError("The request has no query.")
    return GraphQLRequest(query=query, operation_name=texts["operationName"], document_id=document_id, **maps)


def _find_hash(extensions: Mapping[str, Any]) -> str | None:
    """Return the hash by which Apollo's clients name a document, if there is one."""
    persisted = extensions.get("persistedQuery")
    found = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    return found if isinstance(found, str) and found else None


def parse_query_string(query_string: bytes, *, depth_max: int = VARIABLES_DEPTH_MAX) -> GraphQLRequest:
    """Parse the request in a URL.

    Errors: those of parse_parameters, and MalformedRequestError for a parameter's value.
    """
    parameters: dict[str, Any] = {}
    for name, value in parse_parameters(query_string).items():
        if name in {"variables", "extensions"}:
            parameters[name] = load_json(value.encode(), what=name, depth_max=depth_max) if value else None
        elif name in _PARAMETERS:
            parameters[name] = value or None
    for text in _list_strings(parameters):
        refuse_number(text)
    return build_request(parameters)


def parse_parameters(query_string: bytes) -> dict[str, str]:
    """Parse the parameters of a URL, each of which may appear once.

    Errors: MalformedRequestError; NumberInUrlError and TokenInUrlError, which never repeat what they found.
    """
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_GET_PARAMETERS_MAX
        )
    except ValueError:
        raise MalformedRequestError("The URL's parameters can't be read.") from None
    for name, value in pairs:
        if name == "access_token" or _TOKEN.search(value):
            raise TokenInUrlError
        refuse_number(value)
        refuse_number(name)
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise MalformedRequestError("A parameter appears in the URL more than once.")
    return parameters


def refuse_number(text: str) -> None:
    """Raise NumberInUrlError if text from a URL contains what may be a telephone number."""
    # An unescaped plus arrives as a space.
    if _NUMBER.search(text) or _NUMBER.search(text.replace(" ", "+")) or _is_written_out(text):
        raise NumberInUrlError


def _is_written_out(text: str) -> bool:
    """Whether a whole text is a number with separators. Bare digits may be something else; a pattern judges them."""
    number = None if text.isdigit() else find_number(text)
    return number is not None and number.kind is not NumberKind.SHORT_CODE


def refuse_number_in_document(document: DocumentNode) -> None:
    """Apply refuse_number to the literals of a document, whose escapes can hide a number in its text."""
    visit(document, _NumberRefusal())


class _NumberRefusal(Visitor):
    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        refuse_number(node.value)

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        refuse_number(node.value)


def load_json(text: bytes, *, what: str, depth_max: int, values_max: float = math.inf) -> Any:
    """Parse strict JSON: UTF-8, no repeated keys, no NaN, bounded nesting, only text that can be stored and returned.

    Shapes: values_max bounds the objects, lists and scalars at any depth; without it only the text's length does.
    Errors: MalformedRequestError, which says what is wrong and never quotes the text; TooManyValuesError.
    """
    value = _load_plain(text, depth_max, values_max)
    return _load_strictly(text, what, depth_max, values_max) if value is _UNSURE else value


def _load_plain(text: bytes, depth_max: int, values_max: float) -> Any:
    """Return what the strict way would, or _UNSURE wherever that may find fault or read something else.

    orjson is a tenth of the work, but keeps the last of repeated keys, and reads integers of more than 64 bits as
    floats. Each key has one colon behind it: with the colons in strings, they are as many as were sent, or a key was
    dropped.
    """
    if _count_values(text) > values_max or _ESCAPED_COLON in text:
        return _UNSURE
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _UNSURE
    colons = text.count(b":")
    stack = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        kind = type(item)
        if kind is str:
            if "\x00" in item:
                return _UNSURE
            colons -= item.count(":")
        elif kind is dict or kind is list:
            if depth >= depth_max:
                return _UNSURE
            if kind is dict:
                colons -= len(item)
                stack += [(key, depth) for key in item]
                item = item.values()
            stack += [(inner, depth + 1) for inner in item]
        elif kind is float and not -_INTEGERS_END < item < _INTEGERS_END:
            return _UNSURE
    return _UNSURE if colons else value


def _load_strictly(text: bytes, what: str, depth_max: int, values_max: float) -> Any:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedRequestError(f"The {what} is not UTF-8.") from None
    _check_count(decoded, values_max, what=what)
    try:
        value = json.loads(decoded, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_read_float)
    except RecursionError:
        raise MalformedRequestError(f"The {what} is nested too deeply.") from None
    except json.JSONDecodeError:
        raise MalformedRequestError(f"The {what} is not JSON.") from None
    except ValueError:
        # Python reads no integer of more than some thousand digits, nor do we take a float that becomes infinite.
        raise MalformedRequestError(f"The {what} contains a number that is out of range.") from None
    _check(value, what=what, depth_max=depth_max)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise MalformedRequestError("A JSON object contains the same key more than once.")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(name, name, 0)


def _read_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError
    return value


def _check(value: Any, *, what: str, depth_max: int) -> None:
    stack = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, str):
            _check_text(item, what=what)
        elif isinstance(item, (dict, list)):
            if depth >= depth_max:
                raise MalformedRequestError(f"The {what} is nested too deeply.")
            if isinstance(item, dict):
                for key in item:
                    _check_text(key, what=what)
            stack.extend((inner, depth + 1) for inner in (item.values() if isinstance(item, dict) else item))


def _check_count(text: str, values_max: float, *, what: str) -> None:
    """Refuse JSON of too many values before they are made, since that alone would take seconds."""
    if _count_values(text) <= values_max:
        return
    bare = _STRING.sub("0", text)
    # Empty containers are counted only where there are few: every comma stands before another value.
    if bare.count(",") >= values_max or _count_values(bare) - len(_EMPTY.findall(bare)) > values_max:
        raise TooManyValuesError(f"The {what} has more than {values_max} values.", extensions={"valuesMax": values_max})


def _count_values(text: str | bytes) -> int:
    """Count the values of JSON without strings and empty containers; of other JSON, return no less than it has."""
    if isinstance(text, bytes):
        return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")
    return 1 + text.count(",") + text.count("[") + text.count("{")


def _check_text(text: str, *, what: str) -> None:
    if text.isascii():
        if "\x00" in text:
            raise MalformedRequestError(f"The {what} contains a NUL character.")
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedRequestError(f"The {what} contains half of a surrogate pair.") from None
    if "\x00" in text:
        raise MalformedRequestError(f"The {what} contains a NUL character.")


def _list_strings(value: Any) -> list[str]:
    strings: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            strings.append(item)
        elif isinstance(item, int) and not isinstance(item, bool):
            strings.append(str(item))
        elif isinstance(item, float):
            strings.append(f"{item:.0f}")
        elif isinstance(item, Mapping):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return strings
