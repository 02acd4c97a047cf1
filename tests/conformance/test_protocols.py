"""The graph in others' composition libraries, audits and clients of persisted queries. Run by `make conformance`.

They are skipped, saying so, where Node or its packages are absent.
"""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from tests.support.auth_world import Clock, World
from tests.support.cluster import Cluster
from tests.support.serving import Serving

pytestmark = pytest.mark.conformance
HERE = Path(__file__).parent
AS_APOLLO_CLIENT_SENDS_IT = """query Viewer {
  viewer {
    member {
      legalName
      __typename
    }
    __typename
  }
}"""


def run(script: str, config: dict[str, Any], *, checks_min: int) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed; its packages were not tried")
    if not (HERE / "node_modules" / "graphql-http").is_dir():
        pytest.skip("the packages are not installed; run `npm ci` in tests/conformance")
    environment = {**os.environ, "JEMBATAN_CONFORMANCE": json.dumps(config), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [node, script], cwd=HERE, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.count("ok ") >= checks_min


@pytest.fixture(scope="module")
async def config(
    cluster: Cluster, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Any]]:
    """Three gateways on one database: without a manifest, with one, and with nothing else."""
    manifest = tmp_path_factory.mktemp("trusted") / "persisted-query-manifest.json"
    body = AS_APOLLO_CLIENT_SENDS_IT
    operation = {"id": sha256(body.encode()).hexdigest(), "name": "Viewer", "type": "query", "body": body}
    manifest.write_text(
        json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]})
    )
    name = await cluster.clone()
    url = cluster.url_of(name)
    servings = {
        "issuer": Serving(url, keyring),
        "trusting": Serving(url, keyring, trusted_documents=manifest),
        "exclusive": Serving(url, keyring, trusted_documents=manifest, trusted_documents_only=True),
    }
    database = servings["issuer"].connect()
    world = World(database, servings["issuer"].settings, Clock(datetime.now(UTC)))
    regulator = await world.admit(MemberKind.REGULATOR, "regulator")
    machine = await world.register(regulator, ["members:read"])
    await database.close()
    for serving in servings.values():
        serving.start()
    yield {
        **{place: serving.settings.base_url for place, serving in servings.items()},
        "machine": {"id": machine.client_id, "secret": machine.secret},
    }
    for serving in servings.values():
        await serving.stop()
    await cluster.drop(name)


def test_composition_libraries() -> None:
    run("composition.mjs", {}, checks_min=12)


def test_audits_of_graphql_over_http(config: dict[str, Any]) -> None:
    run("graphql-http.mjs", config, checks_min=62)


def test_persisted_queries_of_apollo_client(config: dict[str, Any]) -> None:
    run("persisted.mjs", config, checks_min=12)


def test_java_that_offers_http_2(config: dict[str, Any]) -> None:
    java = shutil.which("java")
    if java is None or shutil.which("javac") is None:
        pytest.skip("no JDK is installed; its client was not tried")
    user = f"{config['machine']['id']}:{config['machine']['secret']}"
    command = [java, "-Djava.net.useSystemProxies=false", str(HERE / "Offering.java"), config["issuer"], user]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout.count("ok ")) == (0, 3), done.stderr


def test_curl_that_offers_http_2(config: dict[str, Any]) -> None:
    curl = shutil.which("curl")
    if curl is None or "HTTP2" not in subprocess.run([curl, "-V"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("curl is not installed, or without HTTP/2")

    def send(path: str, *arguments: str) -> Any:
        command = [curl, "-sS", "--noproxy", "*", "--http2", *arguments, f"{config['issuer']}{path}"]
        return json.loads(subprocess.run(command, capture_output=True, timeout=20, check=True).stdout)

    user = f"{config['machine']['id']}:{config['machine']['secret']}"
    token = send("/oauth/token", "-u", user, "-d", "grant_type=client_credentials")["access_token"]
    asked = ["-H", f"Authorization: Bearer {token}", "--json", '{"query": "{ viewer { member { legalName } } }"}']
    for path in ("/graphql", "/graphql/"):
        assert send(path, *asked) == {"data": {"viewer": {"member": {"legalName": "regulator"}}}}
