"""The command over a migrated database of its own, as an operator runs it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.storage.sealing import Keyring
from tests.support.cluster import Cluster
from tests.support.operator import Operator, admit, operate


@pytest.fixture
def operator(database_url: str, keyring: Keyring, tmp_path: Path) -> Iterator[Operator]:
    with operate(database_url, keyring, tmp_path) as operator:
        yield operator


@pytest.fixture(scope="session")
def admitted_template(cluster: Cluster, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with a regulator, its officers, two carriers, an agency and a numbering plan, to be cloned."""
    name = asyncio.run(cluster.clone())
    with operate(cluster.url_of(name), keyring, tmp_path_factory.mktemp("admitted")) as operator:
        admit(operator)
    return name


@contextmanager
def cloned(cluster: Cluster, template: str, keyring: Keyring, folder: Path) -> Iterator[Operator]:
    name = asyncio.run(cluster.clone(template))
    with operate(cluster.url_of(name), keyring, folder) as operator:
        yield operator
    asyncio.run(cluster.drop(name))


@pytest.fixture
def admitted(cluster: Cluster, admitted_template: str, keyring: Keyring, tmp_path: Path) -> Iterator[Operator]:
    """With everything of the template, in a database of its own."""
    with cloned(cluster, admitted_template, keyring, tmp_path) as operator:
        yield operator


@pytest.fixture(scope="class")
def admitted_class(
    cluster: Cluster, admitted_template: str, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """The same, one for all tests of a class."""
    with cloned(cluster, admitted_template, keyring, tmp_path_factory.mktemp("class")) as operator:
        yield operator
