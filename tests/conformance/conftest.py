"""The examples, each set up once in a run, and a gateway for each test of them."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ledger.storage.sealing import Keyring
from tests.support.country import Parties
from tests.support.example_site import Site, open_site
from tests.support.examples import Example, prepare
from tests.support.serving import Serving


@pytest.fixture(scope="session")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Example]:
    root, ready = tmp_path_factory.mktemp("checkout"), dict[str, Example]()

    def find(name: str) -> Example:
        if name.endswith("-typescript") and shutil.which("npm") is None:
            pytest.skip("Node is not installed; its examples were not tried")
        if name not in ready:
            ready[name] = prepare(name, root)
        return ready[name]

    return find


@pytest.fixture
def example(request: pytest.FixtureRequest, set_up: Callable[[str], Example]) -> Example:
    """The example that the test's parameter names."""
    return set_up(request.param)


@pytest.fixture
async def site(database_url: str, keyring: Keyring, parties: Parties, tmp_path: Path) -> AsyncIterator[Site]:
    serving = Serving(database_url, keyring, stream_heartbeat_seconds=0.3)
    async with open_site(serving, parties, tmp_path / "state") as site:
        yield site
