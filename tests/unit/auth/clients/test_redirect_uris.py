import pytest

from auth.clients.redirect_uris import check_redirect_uri, matches_redirect_uri, origin_of
from auth.errors import RedirectUriInvalidError

WEB = "https://console.example.org/callback"
LOOPBACK = "http://127.0.0.1/callback"


class TestCheckRedirectUri:
    @pytest.mark.parametrize("uri", [WEB, "https://a.example/?x=1", "http://localhost:3000/cb", "http://[::1]:1/cb"])
    def test_takes_https_and_http_on_loopback(self, uri: str) -> None:
        assert check_redirect_uri(uri, is_native=False) == uri

    @pytest.mark.parametrize(
        "uri",
        [
            "",
            "http://console.example.org/cb",
            "HTTPS://console.example.org/cb",
            "https:///cb",
            "https://user@console.example.org/cb",
            "https://console.example.org/cb#fragment",
            "https://console.example.org:99999/cb",
            "https://[::1/cb",
            'https://console.example.org/"',
            "https://console.example.org/\\",
            "https://console.example.org/é",
            "https://console.example.org/a b",
            "https://console.example.org/\n",
            "javascript:alert(1)",
            "data:text/html,x",
            "org.example.app:/cb",
            "http://127.0.0.1.evil.org/cb",
            "https://" + "a" * 2_000,
        ],
    )
    def test_refuses_anything_else(self, uri: str) -> None:
        with pytest.raises(RedirectUriInvalidError):
            check_redirect_uri(uri, is_native=False)

    def test_takes_an_applications_own_scheme_from_a_native_client_only(self) -> None:
        assert check_redirect_uri("org.example.app:/cb", is_native=True)
        for uri in ("javascript:/x", "myapp:/cb", "org.example.app://host/cb"):
            with pytest.raises(RedirectUriInvalidError):
                check_redirect_uri(uri, is_native=True)


class TestMatchesRedirectUri:
    def test_compares_character_by_character(self) -> None:
        assert matches_redirect_uri(WEB, WEB, is_native=False)
        for sent in (WEB + "/", WEB.upper(), WEB + "?", WEB[:-1], WEB.replace(".org", ".org:443"), ""):
            assert not matches_redirect_uri(sent, WEB, is_native=True)

    def test_lets_only_a_native_clients_loopback_port_vary(self) -> None:
        sent = "http://127.0.0.1:51000/callback"
        assert matches_redirect_uri(sent, LOOPBACK, is_native=True)
        assert not matches_redirect_uri(sent, LOOPBACK, is_native=False)
        assert matches_redirect_uri("http://[::1]:5/cb", "http://[::1]/cb", is_native=True)

    @pytest.mark.parametrize(
        "sent",
        [
            "http://127.0.0.1:51000/other",
            "http://127.0.0.1:51000/callback?x",
            "http://127.0.0.1:51000/callback#f",
            "http://127.0.0.2:51000/callback",
            "http://localhost:51000/callback",
            "https://127.0.0.1:51000/callback",
            "HTTP://127.0.0.1:51000/callback",
            "http://user@127.0.0.1:51000/callback",
            "http://127.0.0.1:0051000/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:x/callback",
            "http://127.0.0.1:51000@evil.org/callback",
            "http://127.0.0.1:51000\\@evil.org/callback",
            "http://127.0.0.1 /callback",
        ],
    )
    def test_port_tricks_do_not_match(self, sent: str) -> None:
        assert not matches_redirect_uri(sent, LOOPBACK, is_native=True)


class TestOriginOf:
    def test_names_what_a_policy_can_hold(self) -> None:
        assert origin_of(WEB) == "https://console.example.org"
        assert origin_of("http://127.0.0.1:51000/callback") == "http://127.0.0.1:51000"
        assert origin_of("org.example.app:/cb") == "org.example.app:"
