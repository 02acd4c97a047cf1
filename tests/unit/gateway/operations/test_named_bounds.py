"""Whoever is refused for a bound is told which setting it is, so that its operator can be asked for more."""

import pytest

from gateway.operations import errors
from gateway.streams import ends
from ledger.answers import AnswerTooLargeError
from ledger.complaints.evidence_drafts import EvidenceTooLargeError, EvidenceTooManyError
from ledger.storage.failures import StatementTimeoutError

BOUNDED = {
    errors.BodyTooLargeError: {"BODY_BYTES_MAX", "BODY_ANONYMOUS_BYTES_MAX"},
    errors.TooManyValuesError: {"BODY_VALUES_MAX"},
    errors.UrlTooLongError: {"URL_BYTES_MAX"},
    errors.HeadTooLargeError: {"HEADER_BYTES_MAX"},
    errors.RequestTimeoutError: {
        "REQUEST_HEAD_SECONDS",
        "REQUEST_BODY_SECONDS",
        "REQUEST_BODY_BYTES_PER_SECOND_MIN",
    },
    errors.TooManyConnectionsError: {"CONNECTIONS_MAX", "CONNECTIONS_PER_ADDRESS_MAX"},
    errors.RateLimitedError: {"RATE_PER_SECOND", "RATE_ANONYMOUS_PER_SECOND"},
    errors.LookupsExhaustedError: {"LOOKUPS_PER_CLIENT_DAILY"},
    errors.OverloadedError: {"IN_FLIGHT_MAX"},
    errors.OperationTimeoutError: {"OPERATION_TIMEOUT_SECONDS"},
    errors.PageTooLargeError: {"PAGE_SIZE_MAX"},
    ends.SlowReaderError: {"STREAM_STALL_SECONDS"},
    ends.TooManyStreamsError: {"STREAM_CONNECTIONS_PER_CLIENT", "STREAMS_MAX"},
    ends.TooManySubscriptionsError: {"SUBSCRIPTIONS_PER_CONNECTION"},
    AnswerTooLargeError: {"ANSWER_BYTES_MAX"},
    EvidenceTooLargeError: {"EVIDENCE_BYTES_MAX"},
    EvidenceTooManyError: {"EVIDENCE_ITEMS_MAX"},
    StatementTimeoutError: {"STATEMENT_TIMEOUT_MS"},
}


class TestHint:
    @pytest.mark.parametrize("kind", BOUNDED)
    def test_names_the_settings_of_the_bound(self, kind: type[errors.GatewayError]) -> None:
        words = (kind.hint or "").replace(".", " ").replace(",", " ").split()
        named = {word.removeprefix("JEMBATAN_") for word in words if word.startswith("JEMBATAN_")}
        assert named == BOUNDED[kind]
