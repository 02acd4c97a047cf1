"""The client credentials grant: a member's system acting for itself.

Source: RFC 6749 section 4.4.
"""

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as AuthlibClientCredentialsGrant


class ClientCredentialsGrant(AuthlibClientCredentialsGrant):  # type: ignore[misc]
    """Confidential clients only; what it may grant is decided in access_tokens.py."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "private_key_jwt")
