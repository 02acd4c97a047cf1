"""What the log commits to: every table that should be, in a form that later versions don't break."""

import re
from dataclasses import fields

import pytest

from ledger.feed.histories import HISTORIES
from ledger.feed.vocabulary import Subject
from ledger.storage.commitments import committed_tables, content_columns, render_content
from migrations.metadata import metadata
from tests.support.places import ROOT

COMMITTED = {table.name: (table, by) for table, by in committed_tables(of=metadata)}
_WRITES = re.compile(rf"(?:UPDATE|INSERT INTO)\s+({'|'.join(COMMITTED)})\b")


@pytest.mark.parametrize("name", COMMITTED)
class TestCommittedTable:
    def test_has_no_column_whose_null_and_default_are_the_same_content(self, name):
        table, _ = COMMITTED[name]
        assert [column.name for column in content_columns(table) if column.nullable and column.server_default] == []

    def test_has_a_digest_that_is_content_beside_every_sealed_column(self, name):
        table, by = COMMITTED[name]
        assert set(by.sealed) == {column.name for column in table.columns if column.name.endswith("_sealed")}
        assert {sealed.digest for sealed in by.sealed.values()} <= {column.name for column in content_columns(table)}

    def test_names_columns_that_exist_and_proves_every_field_but_those_it_excepts(self, name):
        table, by = COMMITTED[name]
        assert {by.column, *by.without, *by.sealed} <= set(table.c.keys())
        stored = {field.name for field in fields(table.info["record"])} & set(table.c.keys())
        proved = {column.name for column in content_columns(table)}
        assert stored - proved == (by.without | by.sealed.keys()) & stored
        assert render_content(table).count(f"{name}.") >= len(proved)

    def test_belongs_to_a_subject_that_has_a_table_of_its_own(self, name):
        _, by = COMMITTED[name]
        assert by.subject in {subject.value for subject in Subject}
        assert [each for each, (_, other) in COMMITTED.items() if other.subject == by.subject and other.is_subject]


def test_what_is_left_out_is_known():
    """A field that nothing proves is a decision: docs/adr/0094."""
    assert {name: by.without for name, (_, by) in COMMITTED.items() if by.without} == {
        "block_orders": {"changed_at"},
        "complaints": {"account_id"},
        "fraud_signals": {"score"},
    }


def test_every_subject_with_a_state_has_a_history():
    stateful = {by.subject for table, by in COMMITTED.values() if by.is_subject and "state" in _names(table)}
    assert stateful <= set(HISTORIES)


def _names(table):
    return {field.name for field in fields(table.info["record"])}


def test_statements_that_write_committed_rows_say_so():
    """A module with such SQL of its own notes what it wrote, so that a forgotten event is noticed."""
    silent = []
    for path in (ROOT / "ledger").rglob("*.py"):
        source = path.read_text()
        if _WRITES.search(source) and "write_records(" not in source and "note_written(" not in source:
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []
