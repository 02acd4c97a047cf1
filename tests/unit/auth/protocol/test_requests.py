import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from starlette.requests import Request

from auth.protocol.requests import address_of, check_protocol_parameters, parse_parameters


def from_address(host: str | None) -> Request:
    return Request({"type": "http", "headers": [], "client": (host, 1) if host else None})


class TestParseParameters:
    def test_drops_what_was_sent_without_a_value(self) -> None:
        assert parse_parameters(b"a=1&b=&c=%C3%A9+x") == {"a": "1", "c": "é x"}

    @pytest.mark.parametrize("encoded", [b"a=1&a=1", b"a=&a=1", b"a=%FF", b"a=%ED%A0%80", b"\xff=1", b"a=1&" * 50])
    def test_refuses_repeated_and_broken_parameters(self, encoded: bytes) -> None:
        with pytest.raises(InvalidRequestError):
            parse_parameters(encoded)


class TestCheckProtocolParameters:
    @pytest.mark.parametrize("value", ["\x00", "é", "\n", '"', "\\", "\u202e", "\x7f"])
    def test_refuses_what_no_parameter_of_the_protocol_holds(self, value: str) -> None:
        with pytest.raises(InvalidRequestError):
            check_protocol_parameters({"scope": value})

    def test_lets_state_hold_quotes(self) -> None:
        assert check_protocol_parameters({"state": '"\\"'})


class TestAddressOf:
    def test_counts_an_ipv6_network_as_one(self) -> None:
        assert address_of(from_address("2001:db8::1")) == address_of(from_address("2001:db8::ffff"))
        assert address_of(from_address("2001:db8:0:1::1")) != address_of(from_address("2001:db8::1"))
        assert address_of(from_address("::ffff:192.0.2.1")) == "192.0.2.1"
        assert address_of(from_address("192.0.2.1")) == "192.0.2.1"
        assert address_of(from_address(None)) == "local"
        assert address_of(from_address("proxy")) == "proxy"
