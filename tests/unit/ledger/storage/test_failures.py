"""What each failure of PostgreSQL means to whoever asked."""

import asyncpg
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ledger.errors import Category
from ledger.storage.failures import explain


def raised(sqlstate: str) -> asyncpg.PostgresError:
    """As the driver raises it for an error that the server reports."""
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "said", "S": "ERROR"})


class TestFailure:
    @pytest.mark.parametrize(
        ("sqlstate", "code"),
        [
            ("53300", "DATABASE_BUSY"),  # too_many_connections
            ("53100", "DATABASE_FULL"),  # disk_full
            ("53200", "DATABASE_UNAVAILABLE"),  # out_of_memory
            ("57P01", "DATABASE_UNAVAILABLE"),  # admin_shutdown
            ("57P02", "DATABASE_UNAVAILABLE"),  # crash_shutdown
            ("57P03", "DATABASE_UNAVAILABLE"),  # cannot_connect_now
            ("57P05", "DATABASE_UNAVAILABLE"),  # idle_session_timeout
            ("25P03", "DATABASE_UNAVAILABLE"),  # idle_in_transaction_session_timeout
            ("25P04", "DATABASE_UNAVAILABLE"),  # transaction_timeout
            ("08006", "DATABASE_UNAVAILABLE"),  # connection_failure
            ("08P01", "DATABASE_UNAVAILABLE"),  # what PgBouncer says of its own failures
            ("58030", "DATABASE_UNAVAILABLE"),  # io_error
            ("25006", "DATABASE_READ_ONLY"),  # read_only_sql_transaction
            ("28P01", "DATABASE_REFUSED"),  # invalid_password
            ("3D000", "DATABASE_REFUSED"),  # invalid_catalog_name
            ("42P05", "POOLER_UNDECLARED"),  # duplicate_prepared_statement
            ("26000", "POOLER_UNDECLARED"),  # invalid_sql_statement_name
            ("57014", "STATEMENT_TIMEOUT"),  # query_canceled
            ("40P01", "CONTENTION"),  # deadlock_detected
            ("40001", "CONTENTION"),  # serialization_failure
        ],
    )
    def test_is_an_outage_under_a_code_of_its_own(self, sqlstate: str, code: str) -> None:
        told = explain(raised(sqlstate))
        assert told is not None
        assert (told.code, told.category) == (code, Category.UNAVAILABLE)

    @pytest.mark.parametrize("sqlstate", ["42501", "42P01", "23505", "22P02", "XX000", "22003"])
    def test_is_a_fault_of_ours_where_no_outage_explains_it(self, sqlstate: str) -> None:
        assert explain(raised(sqlstate)) is None

    @pytest.mark.parametrize("sqlstate", ["42501", "55000"])
    def test_refuses_the_login_if_it_happens_while_connecting(self, sqlstate: str) -> None:
        told = explain(raised(sqlstate), is_connecting=True)
        assert told is not None
        assert told.code == "DATABASE_REFUSED"

    def test_to_write_where_only_reading_was_meant_is_a_fault_of_ours(self) -> None:
        assert explain(raised("25006"), is_read_only=True) is None

    @pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), OSError("no route")])
    def test_of_the_network_while_connecting_is_an_outage(self, error: OSError) -> None:
        told = explain(error, is_connecting=True)
        assert told is not None
        assert told.code == "DATABASE_UNAVAILABLE"

    def test_of_a_file_inside_a_transaction_is_none_of_the_databases(self) -> None:
        assert explain(FileNotFoundError()) is None

    def test_of_a_connection_that_broke_is_an_outage(self) -> None:
        told = explain(ConnectionResetError())
        assert told is not None
        assert told.code == "DATABASE_UNAVAILABLE"

    def test_of_our_pool_to_give_a_connection_in_time_is_that_none_is_free(self) -> None:
        told = explain(PoolTimeoutError())
        assert told is not None
        assert told.code == "DATABASE_BUSY"
