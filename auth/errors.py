"""What auth refuses to an operator, at the command line or at startup.

    AuthError
    +-- IssuerInvalidError           AUTH_ISSUER_INVALID
    +-- ScopeUnknownError            SCOPE_UNKNOWN
    +-- ScopeForbiddenError          SCOPE_FORBIDDEN
    |   +-- MachineScopeError        SCOPE_NEEDS_OFFICER
    +-- ClientInvalidError           CLIENT_INVALID
    |   +-- RedirectUriInvalidError  REDIRECT_URI_INVALID
    |   +-- ClientKeysInvalidError   CLIENT_KEYS_INVALID
    +-- ClientUnknownError           CLIENT_UNKNOWN
    +-- MemberUnknownError           MEMBER_UNKNOWN
    +-- OfficerUnknownError          OFFICER_UNKNOWN
    +-- LoginInvalidError            LOGIN_INVALID
    +-- LoginUnknownError            LOGIN_UNKNOWN
    +-- LoginTakenError              LOGIN_TAKEN
    +-- PasswordInvalidError         PASSWORD_INVALID
    +-- PasswordsBusyError           PASSWORD_CHECKS_BUSY
    +-- ProviderInvalidError         OPENID_SETTINGS_INVALID
    +-- ProviderAwayError            OPENID_PROVIDER_AWAY
    +-- ProviderRefusedError         OPENID_LOGIN_REFUSED
    +-- IdentityInvalidError         IDENTITY_INVALID
    +-- IdentityTakenError           IDENTITY_TAKEN
    +-- IdentityUnknownError         IDENTITY_UNKNOWN

A class's docstring is its message; `code` is stable and never reused. What a client of the OAuth
endpoints reads is an error of RFC 6749 instead, and why a token was refused is a Failure of tokens/verification.py.
"""

from typing import ClassVar

from ledger.errors import Category


class AuthError(Exception):
    """The authorization server refused."""

    code: ClassVar[str] = "AUTH_ERROR"
    category: ClassVar[Category] = Category.BAD_USER_INPUT
    hint: str | None = None

    def __init__(self, message: str | None = None, *, field: str | None = None, hint: str | None = None) -> None:
        """Use the docstring as the message unless a more specific one is given."""
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.field = field
        self.hint = hint or type(self).hint
        super().__init__(self.message)


class IssuerInvalidError(AuthError):
    """The issuer must be an origin: https, or http on a loopback address, with no path, query or fragment."""

    code = "AUTH_ISSUER_INVALID"
    hint = "Set JEMBATAN_PUBLIC_URL to the address that clients use, for example https://gateway.example.org."


class ScopeUnknownError(AuthError):
    """There is no such scope."""

    code = "SCOPE_UNKNOWN"


class ScopeForbiddenError(AuthError):
    """A member of this kind may not have this scope."""

    code = "SCOPE_FORBIDDEN"
    category = Category.FORBIDDEN


class MachineScopeError(ScopeForbiddenError):
    """This scope requires an officer; a client that acts only for itself can't have it."""

    code = "SCOPE_NEEDS_OFFICER"
    hint = "Give the client the authorization_code grant, so that officers log in through it."


class ClientInvalidError(AuthError):
    """The client's registration contradicts itself."""

    code = "CLIENT_INVALID"


class RedirectUriInvalidError(ClientInvalidError):
    """The redirect URI can't be registered."""

    code = "REDIRECT_URI_INVALID"
    hint = "Use https, or http on a loopback address, in ASCII, with no fragment and no user name."


class ClientKeysInvalidError(ClientInvalidError):
    """The client's keys must be a JWK set of public keys, each with its own kid."""

    code = "CLIENT_KEYS_INVALID"
    hint = "Use EC P-256 or RSA of 2048 bits or more, and send no private part."


class ClientUnknownError(AuthError):
    """There is no such client."""

    code = "CLIENT_UNKNOWN"
    category = Category.NOT_FOUND


class MemberUnknownError(AuthError):
    """There is no such member, or the brand is not one of its brands."""

    code = "MEMBER_UNKNOWN"
    category = Category.NOT_FOUND


class OfficerUnknownError(AuthError):
    """There is no such officer."""

    code = "OFFICER_UNKNOWN"
    category = Category.NOT_FOUND


class LoginInvalidError(AuthError):
    """A login name is 1 to 128 printable characters without spaces."""

    code = "LOGIN_INVALID"


class LoginUnknownError(AuthError):
    """There is no such login."""

    code = "LOGIN_UNKNOWN"
    category = Category.NOT_FOUND


class LoginTakenError(AuthError):
    """The login name is taken."""

    code = "LOGIN_TAKEN"
    category = Category.CONFLICT


class PasswordInvalidError(AuthError):
    """The password is too short, too long, or contains characters that can't be typed reliably."""

    code = "PASSWORD_INVALID"


class PasswordsBusyError(AuthError):
    """Too many passwords are being checked at once."""

    code = "PASSWORD_CHECKS_BUSY"
    category = Category.UNAVAILABLE
    hint = "Try again in a moment."


class ProviderInvalidError(AuthError):
    """The OpenID provider's settings contradict themselves: issuer, client id and secret belong together."""

    code = "OPENID_SETTINGS_INVALID"
    hint = "Set JEMBATAN_OPENID_ISSUER (https, no slash at the end), _CLIENT_ID and _CLIENT_SECRET, or none of them."


class ProviderAwayError(AuthError):
    """The OpenID provider can't be reached, or its response is invalid."""

    code = "OPENID_PROVIDER_AWAY"
    category = Category.UNAVAILABLE
    hint = "Try again in a moment."


class ProviderRefusedError(AuthError):
    """The OpenID provider's response does not show who logged in."""

    code = "OPENID_LOGIN_REFUSED"
    category = Category.FORBIDDEN


class IdentityInvalidError(AuthError):
    """A subject of the OpenID provider is 1 to 255 printable characters."""

    code = "IDENTITY_INVALID"


class IdentityTakenError(AuthError):
    """This subject of the OpenID provider is already linked to an officer."""

    code = "IDENTITY_TAKEN"
    category = Category.CONFLICT


class IdentityUnknownError(AuthError):
    """This subject of the OpenID provider is not linked to an officer."""

    code = "IDENTITY_UNKNOWN"
    category = Category.NOT_FOUND
