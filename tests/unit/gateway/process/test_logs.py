"""Nothing personal and nothing secret reaches a log, whatever a line is made of."""

import io
import json
import logging
import sys
from datetime import datetime

import phonenumbers
import pytest
import structlog
import structlog.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.process.logs import configure_logs, log_access, scrub_event, scrub_text
from tests.support.logging_state import restored_logs

COUNTRIES = st.sampled_from(["62", "1", "44", "65", "60", "81", "852", "971"])
NATIONAL = st.integers(min_value=8_000_000, max_value=99_999_999_999).map(str)
AROUND = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Nd"), blacklist_characters="+"), max_size=20)


def digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


class TestScrubText:
    @given(before=AROUND, country=COUNTRIES, national=NATIONAL, after=AROUND)
    def test_leaves_no_e164_number_readable(self, before: str, country: str, national: str, after: str) -> None:
        assert f"{country}{national}" not in scrub_text(f"{before}+{country}{national}{after}")
        assert national not in scrub_text(f"{before}+{country}{national}{after}")

    @given(national=st.integers(min_value=800_000_000, max_value=8_999_999_999_99))
    def test_leaves_no_number_as_people_write_it(self, national: int) -> None:
        for text in (f"0{national}", f"62{national}", f"+62 {national}"):
            assert str(national) not in scrub_text(f"caller {text} hung up")

    @pytest.mark.parametrize("form", list(range(4)))
    def test_masks_every_printed_form(self, form: int) -> None:
        number = phonenumbers.parse("+6281234567890")
        written = phonenumbers.format_number(number, form)
        assert "34567" not in digits(scrub_text(f"<{written}>"))

    @given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_", min_size=20, max_size=60))
    def test_leaves_no_token_readable(self, secret: str) -> None:
        for text in (
            f"Authorization: Bearer {secret}",
            f"GET /x?access_token={secret}&a=b",
            f"eyJhbGciOi.{secret}.{secret}",
        ):
            assert secret not in scrub_text(text)

    @pytest.mark.parametrize(
        "text",
        [
            "0190b8a0-1111-7222-8333-123456789012",
            "2026-11-22T10:00:00.123456Z",
            "2026-11-22 10:00:00+07:00",
            "took 12345 ms for 1000 items",
            "127.0.0.1:54321",
        ],
    )
    def test_keeps_ids_times_and_counts(self, text: str) -> None:
        assert scrub_text(text) == text

    def test_removes_the_password_of_a_database_url(self) -> None:
        assert "hunter2" not in scrub_text("postgresql://user:hunter2@host/db")


class TestScrubEvent:
    @given(
        st.recursive(
            st.just("+6281234567890") | st.integers() | st.none() | st.booleans() | st.floats(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=10,
        )
    )
    def test_reaches_every_depth_and_never_fails(self, value: object) -> None:
        assert "6281234567890" not in str(scrub_event(None, "info", {"event": "x", "value": value})["value"]).replace(
            str(6281234567890) if value == 6281234567890 else "\0", ""
        )

    @pytest.mark.parametrize("key", ["authorization", "access_token", "client_secret", "password", "Cookie"])
    def test_removes_the_value_of_a_secret_key(self, key: str) -> None:
        assert scrub_event(None, "info", {key: "hunter2"}) == {key: "[removed]"}


class TestConfigureLogs:
    @pytest.fixture
    def lines(self, monkeypatch: pytest.MonkeyPatch):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        with restored_logs():
            configure_logs(level="INFO", form="auto")
            yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    def test_writes_json_off_a_terminal(self, lines) -> None:
        structlog.get_logger("x").info("order issued", number="+6281234567890")
        (line,) = lines()
        assert (line["event"], line["level"], line["number"]) == ("order issued", "info", "62***90")

    def test_writes_no_colours_of_a_terminal(self, lines) -> None:
        colours = {"color_message": "Started server process [\x1b[36m%d\x1b[0m]"}
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 7, extra=colours)
        (line,) = lines()
        assert (line["event"], "\x1b" in str(line.values())) == ("Started server process [7]", False)
        assert "color_message" not in line

    def test_scrubs_what_other_libraries_write_and_their_tracebacks(self, lines) -> None:
        try:
            int("+6281234567890 is a number")
        except ValueError:
            logging.getLogger("other").exception("failed for %s", "+6281234567890")
        (line,) = lines()
        assert "6281234567890" not in json.dumps(line)
        assert "ValueError" in line["exception"]


CLIENT_TEXTS = st.sampled_from(
    [
        "+6281234567890",
        "Poll6281234567890",
        "Bearer abcdefghijkl",
        "eyJhbGciOi.abc.def",
        "/graphql",
        "\u202e\x1b[2J",
        "\ud83d",
    ]
)
VALUES = CLIENT_TEXTS | st.text(max_size=200) | st.integers() | st.none() | st.floats(allow_nan=False)


class TestAccessLog:
    @pytest.fixture
    def stream(self, monkeypatch: pytest.MonkeyPatch):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        with restored_logs():
            configure_logs(level="INFO", form="json")
            yield stream

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        fields=st.dictionaries(
            st.sampled_from(["method", "path", "status", "operation_name", "client_id", "codes", "end"]),
            VALUES | st.lists(VALUES, max_size=3),
        ),
        request_id=CLIENT_TEXTS | st.text(min_size=8, max_size=128),
    )
    def test_has_the_lines_that_any_other_log_would_have(self, stream, fields: dict, request_id: str) -> None:
        stream.truncate(0)
        stream.seek(0)
        log_access("request", fields, request_id=request_id, is_own_id=False)
        structlog.get_logger("gateway.access").info("request", **fields, request_id=request_id)
        short, long = ({**json.loads(line), "timestamp": "now"} for line in stream.getvalue().splitlines())
        assert short == long
        assert stream.getvalue().isascii()

    def test_keeps_an_id_of_our_own(self, stream) -> None:
        log_access("request", {"status": 200}, request_id="0190b8a0-1111-7222-8333-123456789012", is_own_id=True)
        (line,) = map(json.loads, stream.getvalue().splitlines())
        assert line["request_id"] == "0190b8a0-1111-7222-8333-123456789012"
        assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None

    def test_is_silent_below_its_level(self, stream) -> None:
        logging.getLogger().setLevel("WARNING")
        log_access("request", {"status": 200}, request_id="a-request", is_own_id=True)
        assert stream.getvalue() == ""

    def test_ends_no_request_where_nobody_reads_it(self, stream, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(logging, "raiseExceptions", False)
        stream.close()
        log_access("request", {"status": 200}, request_id="a-request", is_own_id=True)

    def test_is_told_by_structlog_where_lines_are_for_people(self) -> None:
        with structlog.testing.capture_logs() as told:
            log_access("request", {"status": 200}, request_id="a-request", is_own_id=True)
        assert told == [{"event": "request", "status": 200, "request_id": "a-request", "log_level": "info"}]
