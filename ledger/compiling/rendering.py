"""SQL text of expressions: values become numbered parameters, and JSON is put together as text.

Concatenating text is the fastest of the ways to JSON that PostgreSQL has; a value is written exactly as the ordinary
way writes it (schema/scalars.py, orjson), which the differential test proves.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, ClauseElement, ColumnElement, DateTime, Integer, Text, Uuid, literal_column
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.base import PGCompiler
from sqlalchemy.sql.sqltypes import NullType

from ledger.compiling.catalog import Form

UNSURE = "\x01"
"""Stands in the text where the value needs the ordinary way; JSON itself never contains it."""
_UNSURE_SQL = "E'\\x01'"
_INT_MAX = 2**31 - 1


class UncompilableError(Exception):
    """The ordinary way must answer this."""


class _Compiler(PGCompiler):
    """PostgreSQL's compiler, with parameters that are numbered over several statements."""

    def visit_bindparam(self, bindparam: Any, *_: Any, **given: Any) -> str:
        numbering: Numbering = given["numbering"]
        if bindparam.expanding:
            values = bindparam.value or ()
            return "(" + ", ".join(self._render_constant(each, bindparam.type) for each in values) + ")"
        place = numbering.find(bindparam.key)
        if place is not None:
            return numbering.place(place, bindparam.type)
        if given.get("is_whole"):
            raise UncompilableError
        value = bindparam.effective_value
        return "NULL" if value is None else self._render_constant(value, bindparam.type)

    def _render_constant(self, value: Any, kind: Any) -> str:
        return str(self.render_literal_value(value, kind))  # type: ignore[no-untyped-call]


class _Dialect(postgresql.dialect):  # type: ignore[misc, valid-type]
    statement_compiler = _Compiler
    supports_statement_cache = True


_dialect = _Dialect(paramstyle="numeric_dollar")


class Numbering:
    """The parameters of one statement, in the order of their numbers; every use of one has the same number.

    known maps the keys of bind parameters to the names of the values that they stand for. A parameter that is not
    among them is a constant of a declaration.
    """

    def __init__(self, known: Mapping[str, Any]) -> None:
        """Begin with no parameters."""
        self._known = known
        self.placed: dict[Any, int] = {}

    def find(self, key: str) -> Any:
        """The value's name that a bind parameter stands for, or None."""
        return self._known.get(key)

    def place(self, name: Any, kind: Any) -> str:
        """The parameter for a value, as text."""
        number = self.placed.setdefault(name, len(self.placed) + 1)
        return f"${number}" if isinstance(kind, NullType) else f"${number}::{kind.compile(dialect=_dialect)}"

    def render(self, element: ClauseElement, *, is_whole: bool = False) -> str:
        """An expression or a statement as SQL text.

        is_whole: all of its parameters are known, so that no value of one request can become a constant for others.
        Errors: UncompilableError otherwise.
        """
        return str(element.compile(dialect=_dialect, compile_kwargs={"numbering": self, "is_whole": is_whole}))


def constant(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


Piece = str | tuple[str]
"""A part of a JSON text: a constant, or (in a tuple of one) an SQL expression that is never NULL."""


def braced(fields: Iterable[tuple[str, Sequence[Piece]]]) -> list[Piece]:
    """A JSON object of these keys and values."""
    pieces: list[Piece] = []
    for key, value in fields:
        pieces += [f'{"," if pieces else "{"}"{key}":', *value]
    return [*(pieces or ["{"]), "}"]


def join(parts: Sequence[Piece]) -> str:
    """One SQL expression of several pieces, the constants merged."""
    rendered: list[str] = []
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            rendered.append(constant(text))
            text = ""
        rendered.append(part[0])
    if text or not rendered:
        rendered.append(constant(text))
    return " || ".join(rendered)


def render_leaf(numbering: Numbering, expression: ColumnElement[Any], form: Form, *, is_required: bool) -> str:
    """A leaf as JSON text, in SQL; never NULL. Errors: UncompilableError."""
    sql = numbering.render(expression)
    text = _render_value(sql, expression, form)
    is_never_null = getattr(expression, "nullable", True) is False
    if is_required:
        return text if is_never_null else f"coalesce({text}, {_UNSURE_SQL})"
    return f"coalesce({text}, 'null')"


_AS_TEXT = {
    Form.TEXT: "to_json(({sql})::text)::text",
    Form.PLAIN: "'\"' || ({sql})::text || '\"'",
    Form.TIME: "'\"' || replace((({sql}) AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z\"'",
    Form.BASE64: "'\"' || translate(encode({sql}, 'base64'), E'\\n', '') || '\"'",
    Form.TEXTS: "array_to_json({sql})::text",
}


def _render_value(sql: str, expression: ColumnElement[Any], form: Form) -> str:
    if form is not Form.BARE:
        return _AS_TEXT[form].format(sql=sql)
    if isinstance(expression.type, BigInteger):
        return f"CASE WHEN {sql} BETWEEN {-_INT_MAX - 1} AND {_INT_MAX} THEN ({sql})::text ELSE {_UNSURE_SQL} END"
    return f"({sql})::text"


def render_cursor_value(numbering: Numbering, column: ColumnElement[Any]) -> str:
    """A sort value as the JSON text that encode_cursor makes of it, in SQL; never NULL. Errors: UncompilableError."""
    sql = numbering.render(column)
    if isinstance(column.type, Uuid):
        text = f"'\"' || ({sql})::text || '\"'"
    elif isinstance(column.type, DateTime):
        moment = f"({sql}) AT TIME ZONE 'UTC'"
        fraction = f"CASE WHEN date_trunc('second', {sql}) = {sql} THEN '' ELSE to_char({moment}, '.US') END"
        text = f"'\"' || to_char({moment}, 'YYYY-MM-DD\"T\"HH24:MI:SS') || {fraction} || '+00:00\"'"
    elif isinstance(column.type, Integer):
        text = f"({sql})::text"
    elif isinstance(column.type, Text):
        text = f"to_json({sql})::text"
    else:
        raise UncompilableError
    return text if getattr(column, "nullable", True) is False else f"coalesce({text}, 'null')"


def unsure_sql() -> str:
    """The mark of what needs the ordinary way, as an SQL literal."""
    return _UNSURE_SQL


def parent_column(source: str, name: str, kind: Any) -> ColumnElement[Any]:
    """A column of an enclosing statement, which is not selected from again."""
    return literal_column(f"{source}.{name}", kind)
