"""The client credentials grant: a member's system acting for itself.

Source: RFC 6749 section 4.4.
"""

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as AuthlibClientCredentialsGrant


class ClientCredentialsGrant(AuthlibClientCredentialsGrant):  # type: ignore[misc]
    """For confidential clients only; the scopes are decided in tokens/issuing.py."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "private_key_jwt")
