from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from auth.clients.keys import check_public_keys, find_key
from auth.errors import ClientKeysInvalidError

EC = ECKey.generate_key("P-256", {"kid": "ec"}, private=False).as_dict()
RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, private=False).as_dict()


class TestCheckPublicKeys:
    def test_takes_public_keys_for_signing(self) -> None:
        assert check_public_keys({"keys": [EC, RSA], "more": 1}) == {"keys": [EC, RSA]}

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"keys": []},
            {"keys": "x"},
            {"keys": [None]},
            {"keys": [EC] * 9},
            {"keys": [EC, EC]},
            {"keys": [{**EC, "kid": None}]},
            {"keys": [{**EC, "kid": "é"}]},
            {"keys": [{**EC, "use": "enc"}]},
            {"keys": [{**EC, "x": "AA"}]},
            {"keys": [{**EC, "d": "AA"}]},
            {"keys": [{**RSA, "n": "AQAB"}]},
            {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k"}]},
            {"keys": [{"kty": "new", "kid": "k"}]},
            {"keys": [OctKey.generate_key(256, {"kid": "k"}).as_dict(private=True)]},
            {"keys": [ECKey.generate_key("P-384", {"kid": "k"}, private=False).as_dict()]},
            {"keys": [{**RSA, "n": "wyFd" * 43}]},
            {"keys": [{**RSA, "n": 7}]},
        ],
    )
    def test_refuses_what_is_none(self, document: dict[str, Any]) -> None:
        with pytest.raises(ClientKeysInvalidError):
            check_public_keys(document)


class TestFindKey:
    def test_finds_by_kid_and_algorithm(self) -> None:
        both = {"keys": [EC, RSA]}
        assert find_key(both, kid="ec", algorithm="ES256") is not None
        assert find_key(both, kid="rsa", algorithm="PS256") is not None
        assert find_key({"keys": [EC]}, kid=None, algorithm="ES256") is not None

    def test_finds_none_for_another_kid_algorithm_or_where_it_would_have_to_guess(self) -> None:
        both = {"keys": [EC, RSA]}
        assert find_key(both, kid=None, algorithm="ES256") is None
        assert find_key(both, kid="other", algorithm="ES256") is None
        assert find_key(both, kid="ec", algorithm="RS256") is None
        assert find_key(both, kid="ec", algorithm="HS256") is None
        assert find_key({"keys": [{**RSA, "alg": "PS256"}]}, kid="rsa", algorithm="RS256") is None
