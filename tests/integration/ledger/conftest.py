"""A small country: the regulator with two officers, three carriers with their ranges, two agencies, a provider."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from ledger.members.admission import MemberDraft, OfficerDraft, add_brand, add_office, add_officer, admit_member
from ledger.numbers.plan import load_plan
from ledger.numbers.plan_seed import seed_ranges
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from ledger.viewer import OPERATOR, MemberKind, Viewer, ViewerKind
from tests.conftest import ROLE_PREFIX, Cluster


@dataclass(frozen=True)
class Parties:
    """A viewer for each party."""

    regulator: Viewer
    officer: Viewer
    other_officer: Viewer
    agency: Viewer
    other_agency: Viewer
    telkomsel: Viewer
    indosat: Viewer
    xlsmart: Viewer
    provider: Viewer
    brands: dict[str, str]

    @property
    def everyone(self) -> dict[str, Viewer]:
        return {
            "regulator": self.regulator,
            "officer": self.officer,
            "agency": self.agency,
            "other_agency": self.other_agency,
            "telkomsel": self.telkomsel,
            "indosat": self.indosat,
            "xlsmart": self.xlsmart,
            "provider": self.provider,
        }


MEMBERS = (
    ("regulator", MemberKind.REGULATOR, "The Regulator"),
    ("agency", MemberKind.AGENCY, "An Anti-Scam Centre"),
    ("other-agency", MemberKind.AGENCY, "Another Agency"),
    ("telkomsel", MemberKind.CARRIER, "Telkomsel"),
    ("indosat", MemberKind.CARRIER, "Indosat Ooredoo Hutchison"),
    ("xlsmart", MemberKind.CARRIER, "XLSmart"),
    ("provider", MemberKind.OTT_PROVIDER, "A Messenger"),
)
BRANDS = (
    ("telkomsel", "byu", "by.U"),
    ("indosat", "tri", "Tri"),
    ("xlsmart", "xl", "XL"),
    ("xlsmart", "axis", "Axis"),
    ("xlsmart", "smartfren", "Smartfren"),
)


async def found_country(database: Database, as_of: datetime) -> Parties:
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        members = {}
        for slug, kind, name in MEMBERS:
            draft = MemberDraft(slug=slug, kind=kind, legal_name=name, contact_email=f"duty@{slug}.example")
            members[slug] = await admit_member(tx, draft)
        brands = {
            slug: (await add_brand(tx, members[member].id, slug=slug, name=name)).id for member, slug, name in BRANDS
        }
        office = await add_office(tx, members["regulator"].id, slug="desk", name="Help desk")
        officers = [
            await add_officer(tx, OfficerDraft(office_id=office.id, display_name=name)) for name in ("Sari", "Budi")
        ]
        await load_plan(tx, seed_ranges())

    def machine(slug: str) -> Viewer:
        return Viewer(kind=ViewerKind(members[slug].kind), member_id=members[slug].id, client_id=f"{slug}-system")

    def person(place: int) -> Viewer:
        return Viewer(
            kind=ViewerKind.REGULATOR,
            member_id=members["regulator"].id,
            client_id="web",
            officer_id=officers[place].id,
            office_id=office.id,
        )

    return Parties(
        regulator=machine("regulator"),
        officer=person(0),
        other_officer=person(1),
        agency=machine("agency"),
        other_agency=machine("other-agency"),
        telkomsel=machine("telkomsel"),
        indosat=machine("indosat"),
        xlsmart=machine("xlsmart"),
        provider=machine("provider"),
        brands=brands,
    )


@pytest.fixture(scope="session")
async def country(cluster: Cluster, keyring: Keyring) -> tuple[str, Parties]:
    """A database with the country founded once; every test here gets a copy of it."""
    name = await cluster.clone()
    settings = LedgerSettings(database_url=cluster.url_of(name), role_prefix=ROLE_PREFIX)
    database = Database.connect(settings, keyring)
    parties = await found_country(database, datetime(2026, 3, 2, 3, 0, tzinfo=UTC))
    await database.close()
    return name, parties


@pytest.fixture
async def database_url(cluster: Cluster, country: tuple[str, Parties]) -> AsyncIterator[str]:
    name = await cluster.clone(country[0])
    yield cluster.url_of(name)
    await cluster.drop(name)


@pytest.fixture
async def parties(country: tuple[str, Parties]) -> Parties:
    return country[1]
