"""A client that binds its tokens to a key, and proves that it holds it."""

from typing import Any

from joserfc.jwk import ECKey

from auth.clients.registration import CreatedClient
from auth.tokens.bound_tokens import BoundTokenVerifier
from auth.tokens.dpop import hash_access_token
from tests.support.auth_site import FORM, MACHINE, Reply, Site, basic_of
from tests.support.auth_world import sign

GRAPH = "https://gateway.example.org/graphql"


class Prover:
    """A client that holds a key and knows the server's nonce."""

    def __init__(self, site: Site, client: CreatedClient, key: Any = None) -> None:
        self.site = site
        self.client = client
        self.key = key or ECKey.generate_key("P-256", private=True)
        self.count = 0

    @property
    def thumbprint(self) -> str:
        return str(self.key.thumbprint())

    def claims(self, **changes: Any) -> dict[str, Any]:
        self.count += 1
        claims = {
            "jti": f"{self.thumbprint}-{self.count}",
            "htm": "POST",
            "htu": f"{self.site.issuer}/oauth/token",
            "iat": int(self.site.world.clock().timestamp()),
            "nonce": self.bound.issue_nonce(self.site.world.clock()),
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def prove(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        head = {"typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)} | (header or {})
        return sign(self.key, self.claims(**changes), kid=None, **head)

    def prove_graph(self, token: str, **changes: Any) -> str:
        return self.prove(**{"htu": GRAPH, "ath": hash_access_token(token), **changes})

    async def send(self, *proofs: str, **form: str) -> Reply:
        basic = ("Authorization", basic_of(self.client.client_id, self.client.secret or ""))
        public = self.client.secret is None
        headers = [*FORM.items(), *(() if public else (basic,)), *(("DPoP", proof) for proof in proofs)]
        named = {"client_id": self.client.client_id} if public else {}
        return await self.site.post_token({**(form or MACHINE), **named}, headers=headers)

    async def obtain(self) -> str:
        reply = await self.send(self.prove())
        assert reply.status == 200, reply.text
        return str(reply.json["access_token"])

    @property
    def bound(self) -> BoundTokenVerifier:
        world = self.site.world
        return BoundTokenVerifier(world.database, world.verifier, world.settings)

    async def show(self, token: str, *proofs: str, method: str = "POST") -> Any:
        return await self.bound.verify(token, proofs=proofs, method=method, uri=GRAPH, as_of=self.site.world.clock())
