"""Clients that nobody here wrote, each against a real server over HTTP. Run by `make conformance`.

Node's are skipped, saying so, where Node or its packages are absent.
"""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auth.clients.policies import ClientPolicy
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from tests.support.auth_world import PASSWORD, Clock, World, client_key, jwks_of
from tests.support.cluster import Cluster
from tests.support.serving import Serving

pytestmark = pytest.mark.conformance
HERE = Path(__file__).parent
CALLBACK = "http://127.0.0.1:1/callback"
SCOPES = ["orders:read", "members:read"]


@dataclass(frozen=True)
class Served:
    issuer: str
    config: dict[str, Any]


@pytest.fixture(scope="module")
async def served(cluster: Cluster, keyring: Keyring) -> AsyncIterator[Served]:
    name = await cluster.clone()
    serving = Serving(cluster.url_of(name), keyring)
    database = serving.connect()
    config = await _register(World(database, serving.settings, Clock(datetime.now(UTC))))
    await database.close()
    serving.start()
    yield Served(serving.settings.base_url, config)
    await serving.stop()
    await cluster.drop(name)


async def _register(world: World) -> dict[str, Any]:
    """A client of every kind, and an officer."""
    regulator = await world.admit(MemberKind.REGULATOR, "regulator")
    await world.appoint(regulator, "ana", SCOPES)
    for_officers = {"grant_types": ["authorization_code", "refresh_token"], "redirect_uris": [CALLBACK]}
    keys = {name: client_key(name) for name in ("keyed", "fapi")}
    by_key = {name: {"auth_method": "private_key_jwt", "public_keys": jwks_of(key)} for name, key in keys.items()}
    made = {
        "machine": await world.register(regulator, SCOPES),
        "keyed": await world.register(regulator, SCOPES, **by_key["keyed"]),
        "web": await world.register(regulator, SCOPES, **for_officers),
        "fapi": await world.register(
            regulator, SCOPES, **for_officers, **by_key["fapi"], policies=[ClientPolicy.FAPI_2]
        ),
    }
    return {
        "issuer": world.settings.issuer,
        "audience": world.settings.token_audience,
        "callback": CALLBACK,
        "officer": {"login": "ana", "password": PASSWORD},
        **{
            name: {"id": client.client_id, "secret": client.secret}
            | ({"key": keys[name].as_dict(private=True)} if name in keys else {})
            for name, client in made.items()
        },
    }


@pytest.mark.parametrize("script", ["oauth4webapi.mjs", "openid-client.mjs"])
def test_node(served: Served, script: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed; its clients were not tried")
    if not (HERE / "node_modules").is_dir():
        pytest.skip("the packages are not installed; run `npm ci` in tests/conformance")
    environment = {**os.environ, "JEMBATAN_CONFORMANCE": json.dumps(served.config), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [node, script], cwd=HERE, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.count("ok ") >= 10


def test_authlib_over_httpx(served: Served) -> None:
    httpx_client = pytest.importorskip("authlib.integrations.httpx_client", reason="httpx is not installed")
    from authlib.oauth2.rfc7523 import PrivateKeyJWT
    from joserfc.jwk import ECKey

    endpoint, config = f"{served.issuer}/oauth/token", served.config
    with httpx_client.OAuth2Client(config["machine"]["id"], config["machine"]["secret"], trust_env=False) as by_basic:
        token = by_basic.fetch_token(endpoint, grant_type="client_credentials", scope="members:read")
        assert token["scope"] == "members:read"
        reply = by_basic.post(f"{served.issuer}/graphql", json={"query": "{ viewer { member { legalName } } }"})
        assert reply.json() == {"data": {"viewer": {"member": {"legalName": "regulator"}}}}
        told = by_basic.introspect_token(f"{served.issuer}/oauth/introspect", token=token["access_token"])
        assert told.json()["active"] is True
        assert by_basic.revoke_token(f"{served.issuer}/oauth/revoke", token=token["access_token"]).status_code == 200
    key = ECKey.import_key(config["keyed"]["key"])
    with httpx_client.OAuth2Client(
        config["keyed"]["id"], key, token_endpoint_auth_method="private_key_jwt", trust_env=False
    ) as by_key:
        # Authlib's own assertions live for an hour, longer than we take.
        claims = {"exp": int(datetime.now(UTC).timestamp()) + 60}
        method = PrivateKeyJWT(endpoint, claims=claims, headers={"kid": config["keyed"]["key"]["kid"]}, alg="ES256")
        by_key.register_client_auth_method(method)
        assert by_key.fetch_token(endpoint, grant_type="client_credentials")["access_token"]


def test_curl(served: Served) -> None:
    """The lines of docs/security.md, as anybody would type them."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    def run(*arguments: str) -> Any:
        line = [curl, "-sS", "--noproxy", "*", *arguments]
        return json.loads(subprocess.run(line, capture_output=True, text=True, timeout=20, check=True).stdout)

    user = f"{served.config['machine']['id']}:{served.config['machine']['secret']}"
    form = ["-d", "grant_type=client_credentials", "-d", "scope=members:read"]
    token = run("-u", user, *form, f"{served.issuer}/oauth/token")["access_token"]
    graph = ["-H", f"Authorization: Bearer {token}", "--json", '{"query": "{ viewer { member { legalName } } }"}']
    assert run(*graph, f"{served.issuer}/graphql")["data"]["viewer"]["member"]["legalName"] == "regulator"
    assert run("-u", user, "-d", f"token={token}", f"{served.issuer}/oauth/introspect")["active"] is True
    assert run("-u", user, "-d", f"token={token}", f"{served.issuer}/oauth/revoke") == {}
    assert run("-u", user, "-d", f"token={token}", f"{served.issuer}/oauth/introspect") == {"active": False}
