"""How a WebSocket says what over HTTP is said by a header."""

from gateway.operations.progress import Answer
from gateway.streams.websocket.operations import list_errors

ERROR = {"message": "Too many.", "extensions": {"code": "RATE_LIMITED"}}


class TestErrors:
    def test_say_when_to_come_back_where_the_answer_does(self) -> None:
        (error,) = list_errors(Answer(503, {"Retry-After": "5"}, b"", errors=[ERROR]))
        assert error == {"message": "Too many.", "extensions": {"code": "RATE_LIMITED", "retryAfterSeconds": 5}}

    def test_are_as_over_http_otherwise(self) -> None:
        assert list_errors(Answer(400, {}, b"", errors=[ERROR])) == [ERROR]
