from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc9207 import AuthorizationServerMetadata as IssuerMetadata

from auth.protocol.metadata import render_metadata
from auth.settings import AuthSettings


class TestRenderMetadata:
    def test_holds_by_rfc_8414_and_rfc_9207(self) -> None:
        document = render_metadata(AuthSettings(public_url="https://gateway.example.org", audience="a"))
        AuthorizationServerMetadata(document).validate(metadata_classes=[IssuerMetadata])
