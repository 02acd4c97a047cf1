"""The demo's parties, admitted as an operator would: members, officers, clients and their own numbering plan.

Numbers begin with 0890, 0891 and 0892, which no carrier holds in reality; people are named by letters. No one is real.
"""

import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from joserfc.jwk import ECKey

from auth.clients.registered_clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from auth.clients.registration import PRIVATE_KEY_JWT, PUBLIC, ClientDraft, create_client
from auth.login.logins import create_login
from auth.login.passwords import Passwords
from auth.scopes import BY_KIND, OFFICER_ONLY
from ledger.accounts.running import NamedPlatform, set_member_platforms
from ledger.identifiers import BrandId, MemberId
from ledger.members.admission import MemberDraft, OfficerDraft, add_brand, add_office, add_officer, admit_member
from ledger.numbers.plan import load_plan
from ledger.numbers.plan_seed import PLAN_EPOCH
from ledger.numbers.ranges import RangeDraft
from ledger.numbers.vocabulary import RangeKind
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import MemberKind
from ledger.vocabulary import Platform

REDIRECT_URI = "http://127.0.0.1/callback"
REGULATOR, AGENCY, PROVIDER = "komdigi", "antiscam", "chatting"
SIGNATORY = "citra"
LEAVER = "singkat"
MESSENGER = "ngobrol"
TELKOMSEL, INDOSAT, XLSMART = "telkomsel", "indosat", "xlsmart"
_NAMES = {
    REGULATOR: (MemberKind.REGULATOR, "Ministry of Communication and Digital Affairs (demo)"),
    AGENCY: (MemberKind.AGENCY, "Anti-Scam Centre (demo)"),
    TELKOMSEL: (MemberKind.CARRIER, "Telkomsel (demo)"),
    INDOSAT: (MemberKind.CARRIER, "Indosat Ooredoo Hutchison (demo)"),
    XLSMART: (MemberKind.CARRIER, "XLSmart (demo)"),
    PROVIDER: (MemberKind.OTT_PROVIDER, "Chatting, an OTT provider (demo)"),
    LEAVER: (MemberKind.OTT_PROVIDER, "Singkat, another OTT provider (demo)"),
    MESSENGER: (MemberKind.OTT_PROVIDER, "Ngobrol, a messaging firm (demo)"),
}
_PLATFORMS = (Platform.TELEGRAM, Platform.WHATSAPP)
"""Those that the messaging firm runs; as with the carriers' names, nobody real stands behind it."""
_BRANDS = {
    TELKOMSEL: {"byu": "by.U"},
    INDOSAT: {"tri": "Tri"},
    XLSMART: {"xl": "XL", "axis": "Axis", "smartfren": "Smartfren"},
}
_RANGES = (
    ("+62890", TELKOMSEL, None),
    ("+628905", TELKOMSEL, "byu"),
    ("+62891", INDOSAT, None),
    ("+628915", INDOSAT, "tri"),
    ("+62892", XLSMART, None),
    ("+628920", XLSMART, "xl"),
    ("+628921", XLSMART, "axis"),
    ("+628922", XLSMART, "smartfren"),
)
_OFFICERS = {"ana": "Officer Ana (drafts)", "budi": "Officer Budi (approves)"}
_OFFICER_SCOPES = (
    "audit:read", "complaints:decide", "complaints:read", "evidence:read", "evidence:release", "feed:read",
    "members:read", "numbers:manage", "numbers:read", "orders:approve", "orders:draft", "orders:read",
    "participations:manage", "referrals:offer", "referrals:read", "signals:read", "signals:revoke",
)  # fmt: skip

_SIGNATORY_SCOPES = ("members:read", "officers:manage", "participations:accept", "signals:read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How a party gets its tokens: a secret, a private key (JWK), or a login and password."""

    party: str
    client_id: str
    secret: str | None = None
    private_key: dict[str, Any] | None = None
    login: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Everyone in the demo: members' ids by slug, and credentials by party."""

    member_ids: dict[str, str]
    credentials: dict[str, Credentials]

    def save(self, path: Path) -> None:
        """Save it for the next start with --keep, readable only by its owner."""
        path.touch(mode=0o600)
        path.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, path: Path) -> "Cast":
        """Load what was saved. Errors: OSError, ValueError, KeyError, TypeError if it is missing or incomplete."""
        kept = orjson.loads(path.read_bytes())
        return cls(
            member_ids=kept["member_ids"],
            credentials={party: Credentials(**values) for party, values in kept["credentials"].items()},
        )


async def admit_cast(tx: Transaction, passwords: Passwords) -> Cast:
    """Admit every party, as the operator, in one transaction."""
    members: dict[str, MemberId] = {}
    brands: dict[str, BrandId] = {}
    for slug, (kind, name) in _NAMES.items():
        draft = MemberDraft(slug=slug, kind=kind, legal_name=name, internet_access=kind is MemberKind.CARRIER)
        members[slug] = (await admit_member(tx, draft)).id
        for brand, brand_name in _BRANDS.get(slug, {}).items():
            brands[brand] = (await add_brand(tx, members[slug], slug=brand, name=brand_name)).id
    await load_plan(tx, [_range(*parts) for parts in _RANGES])
    credentials = await _add_officers(tx, passwords, members[REGULATOR])
    credentials[SIGNATORY] = await _add_signatory(tx, passwords, members[PROVIDER])
    await set_member_platforms(tx, members[MESSENGER], [NamedPlatform(each) for each in _PLATFORMS])
    for slug in (AGENCY, TELKOMSEL, INDOSAT, XLSMART, PROVIDER, LEAVER, MESSENGER):
        credentials[slug] = await _add_machine(tx, slug, members[slug], has_keys=slug == INDOSAT)
    return Cast(member_ids=dict(members), credentials=credentials)


def _range(prefix: str, holder: str, brand: str | None) -> RangeDraft:
    return RangeDraft(
        prefix=prefix,
        kind=RangeKind.MOBILE,
        holder_slug=holder,
        holder_name=_NAMES[holder][1],
        brand_slug=brand,
        valid_from=PLAN_EPOCH,
    )


async def _add_officers(tx: Transaction, passwords: Passwords, regulator: MemberId) -> dict[str, Credentials]:
    """Add two officers of one office, and the application in which both log in."""
    office = await add_office(tx, regulator, slug="help-desk", name="Help desk")
    console = ClientDraft(
        member_id=regulator,
        name="Regulator's console (demo)",
        scopes=_OFFICER_SCOPES,
        grant_types=(AUTHORIZATION_CODE,),
        auth_method=PUBLIC,
        redirect_uris=(REDIRECT_URI,),
        is_native=True,
    )
    async with tx.role(Role.AUTH):
        client_id = (await create_client(tx, console)).client_id
    found = {}
    for login, name in _OFFICERS.items():
        officer = await add_officer(tx, OfficerDraft(office_id=office.id, display_name=name, scopes=_OFFICER_SCOPES))
        password = secrets.token_urlsafe(12)
        async with tx.role(Role.AUTH):
            await create_login(tx, passwords, officer_id=officer.id, login=login, password=password)
        found[login] = Credentials(party=login, client_id=client_id, login=login, password=password)
    return found


async def _add_signatory(tx: Transaction, passwords: Passwords, provider: MemberId) -> Credentials:
    """Add the provider's own officer, who signs for it, and the provider's application in which she logs in."""
    office = await add_office(tx, provider, slug="legal", name="Legal")
    draft = OfficerDraft(office_id=office.id, display_name="Citra (signs for Chatting)", scopes=_SIGNATORY_SCOPES)
    officer = await add_officer(tx, draft)
    console = ClientDraft(
        member_id=provider,
        name="Chatting's console (demo)",
        scopes=_SIGNATORY_SCOPES,
        grant_types=(AUTHORIZATION_CODE,),
        auth_method=PUBLIC,
        redirect_uris=(REDIRECT_URI,),
        is_native=True,
    )
    password = secrets.token_urlsafe(12)
    async with tx.role(Role.AUTH):
        client_id = (await create_client(tx, console)).client_id
        await create_login(tx, passwords, officer_id=officer.id, login=SIGNATORY, password=password)
    return Credentials(party=SIGNATORY, client_id=client_id, login=SIGNATORY, password=password)


async def _add_machine(tx: Transaction, slug: str, member_id: MemberId, *, has_keys: bool) -> Credentials:
    """Add a client that acts for itself, with a secret or with its own key pair."""
    kind = _NAMES[slug][0]
    scopes = sorted(BY_KIND[kind] - OFFICER_ONLY)
    draft = ClientDraft(member_id=member_id, name=f"{slug}'s system", scopes=scopes, grant_types=(CLIENT_CREDENTIALS,))
    key: ECKey | None = None
    if has_keys:
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
        draft = ClientDraft(
            member_id=member_id,
            name=draft.name,
            scopes=scopes,
            auth_method=PRIVATE_KEY_JWT,
            public_keys={"keys": [dict(key.as_dict(private=False))]},
        )
    async with tx.role(Role.AUTH):
        created = await create_client(tx, draft)
    return Credentials(
        party=slug,
        client_id=created.client_id,
        secret=created.secret,
        private_key=dict(key.as_dict(private=True)) if key is not None else None,
    )
