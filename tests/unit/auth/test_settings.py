import pytest

from auth.errors import IssuerInvalidError
from auth.settings import AuthSettings, check_auth_settings, check_issuer


class TestAuthSettings:
    @pytest.mark.parametrize("issuer", ["https://g.example", "https://g.example:8443", "http://127.0.0.1:8080"])
    def test_takes_an_origin(self, issuer: str) -> None:
        settings = AuthSettings(public_url=issuer)
        check_auth_settings(settings)
        assert settings.token_endpoint == f"{issuer}/oauth/token"

    @pytest.mark.parametrize(
        "issuer",
        [
            "",
            "gateway.example",
            "http://gateway.example",
            "https://g.example/",
            "https://g.example/path",
            "https://g.example?x",
            "https://g.example#x",
            "https://user@g.example",
            "https://g.example:99999",
            "https://[::1",
            "ftp://g.example",
            "https://é.example",
        ],
    )
    def test_refuses_what_tokens_can_not_be_bound_to(self, issuer: str) -> None:
        with pytest.raises(IssuerInvalidError):
            check_issuer(issuer)
