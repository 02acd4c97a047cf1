import pytest

from tests.support.country import Parties


@pytest.fixture
def template(country: tuple[str, Parties]) -> str:
    """The country, whether a test asks for its parties or not: rules of the ledger are held against rows."""
    return country[0]
