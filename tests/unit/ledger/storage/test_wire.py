"""Messages to PostgreSQL, and what comes back however it is cut into pieces."""

import struct
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.storage.wire import FailedStatementError, Reply, encode_value, number_parameters, run_message


def message(kind: str, body: bytes) -> bytes:
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def row(*columns: bytes | None) -> bytes:
    told = [struct.pack("!i", -1) if each is None else struct.pack("!i", len(each)) + each for each in columns]
    return message("D", struct.pack("!h", len(columns)) + b"".join(told))


DONE, READY = message("C", b"SELECT 1\0"), message("Z", b"I")
FAILED = message("E", b"SERROR\0C57014\0Mcanceling statement\0\0")


class TestReply:
    @given(st.lists(st.lists(st.none() | st.binary(max_size=40), max_size=3), min_size=1, max_size=4), st.data())
    def test_is_read_however_it_arrives(self, rows: list[list[bytes | None]], data: st.DataObject) -> None:
        sent = b"".join([message("1", b""), *(message("2", b"") + row(*each) + DONE for each in rows), READY])
        cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=8)))
        reply = Reply(1)
        for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
            assert not reply.is_ready
            reply.feed(sent[start:end])
        assert (reply.is_ready, reply.failure, reply.rows) == (True, None, rows)

    def test_keeps_the_first_row_of_each_statement_and_none_where_there_is_none(self) -> None:
        reply = Reply(1)
        reply.feed(row(b"1") + row(b"2") + DONE + DONE + READY)
        assert reply.rows == [[b"1"], None]

    def test_of_two_transactions_ends_with_the_second(self) -> None:
        reply = Reply(2)
        reply.feed(row(b"1") + DONE + READY)
        assert not reply.is_ready
        reply.feed(row(b"2") + DONE + READY)
        assert reply.is_ready

    def test_with_a_failure_says_what_the_statements_before_it_returned(self) -> None:
        reply = Reply(2)
        reply.feed(row(b"counted") + DONE + READY + FAILED + READY)
        assert isinstance(reply.failure, FailedStatementError)
        assert (reply.failure.sqlstate, reply.failure.rows) == ("57014", [[b"counted"]])


class TestValue:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, None),
            ("a\u2028b", "a\u2028b".encode()),
            (True, b"true"),
            (0, b"0"),
            (date(2026, 3, 2), b"2026-03-02"),
            (datetime(2026, 3, 2, 10, 0, 0, 120000, tzinfo=UTC), b"2026-03-02T10:00:00.120000+00:00"),
            (["a", 'b"\\,{}', ""], rb'{"a","b\"\\,{}",""}'),
            ((), b"{}"),
            ([None, "NULL"], b'{NULL,"NULL"}'),
        ],
    )
    def test_is_written_as_postgresql_reads_it(self, value: object, text: bytes | None) -> None:
        assert encode_value(value) == text

    def test_of_another_kind_is_refused(self) -> None:
        with pytest.raises(TypeError):
            encode_value(object())

    def test_says_its_length_in_bytes(self) -> None:
        assert struct.pack("!i", 2) + "é".encode() in run_message("s", ["é"])


class TestParameters:
    def test_become_numbers_and_casts_stay(self) -> None:
        assert number_parameters("SELECT :b::text, :a, :b", ("a", "b")) == "SELECT $2::text, $1, $2"
