"""Resource indicators: our tokens are for one resource, and a request for any other is refused.

Source: RFC 8707 section 2. Repeated parameters are refused earlier, so that a request names at most one resource.
"""

from collections.abc import Mapping

from authlib.oauth2.rfc6749 import OAuth2Error

from auth.settings import AuthSettings


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]
    """The client requested a token for a resource that is not ours."""

    error = "invalid_target"
    description = "Tokens are issued for one resource; leave the parameter out, or name that one."


def check_resource(parameters: Mapping[str, str], settings: AuthSettings) -> None:
    """Refuse a request for any resource but our audience. Errors: InvalidTargetError."""
    if parameters.get("resource", settings.token_audience) != settings.token_audience:
        raise InvalidTargetError
