"""Every grant that the authorization server takes, with its extensions: the one list of them."""

from auth.protocol.authorization_code import AuthorizationCodeGrant, RequiredS256
from auth.protocol.authorization_server import Grants
from auth.protocol.client_credentials import ClientCredentialsGrant
from auth.protocol.refresh_token import RefreshTokenGrant

GRANTS: Grants = (
    (ClientCredentialsGrant, ()),
    (AuthorizationCodeGrant, (RequiredS256(required=True),)),
    (RefreshTokenGrant, ()),
)
