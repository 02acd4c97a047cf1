"""What an operator's tests work with: complaints in a file, officers who decide and approve, a client's keys."""

import json
from datetime import timedelta
from typing import Any

from joserfc.jwk import ECKey

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.reading import list_complaints
from ledger.forwarding.proposals import ForwardingApproval, approve_forwarding
from ledger.members.reading import list_officers
from ledger.pages import PageRequest
from ledger.storage.database import Database
from ledger.viewer import OPERATOR, Viewer, ViewerKind
from tests.support.operator import Operator

COMPLAINTS = (
    "reference,number,medium,category,narrative\n"
    "A-1,0890 1111 0001,SMS,FRAUD,He asked for a fee.\n"
    "A-2,0890 1111 0002,VOICE,FRAUD,He claimed to be a bank.\n"
    "A-3,0892 1111 0003,SMS,EXTORTION,He threatened me.\n"
    "A-4,+1 202 555 0143,SMS,FRAUD,A foreign number.\n"
    "A-5,12,SMS,FRAUD,No number.\n"
)
OFFERED = (
    "--purpose", "Protect users", "--roles", "Each a controller", "--use", "warn_users", "--use", "review_accounts",
    "--retention-days", "90", "--transfer-basis", "no_transfer", "--breach-contact", "privacy@messenger.example",
)  # fmt: skip
FORWARD = ("forward", "--officer", "ana", "--legal-basis", "PM 5/2021", "--subscriber-notice", "Blocked; appeal.")


async def officer_viewers(database: Database, operator: Operator) -> dict[str, Viewer]:
    async with database.reading(OPERATOR, as_of=operator.now) as tx:
        found = (await list_officers(tx, PageRequest())).items
    return {
        officer.display_name: Viewer(
            kind=ViewerKind.REGULATOR, member_id=officer.member_id, officer_id=officer.id, office_id=officer.office_id
        )
        for officer in found
    }


def verify_all(operator: Operator) -> None:
    async def work(database: Database) -> None:
        viewer = (await officer_viewers(database, operator))["Ana"]
        async with database.transaction(viewer, as_of=operator.now) as tx:
            waiting = (await list_complaints(tx, PageRequest(first=500))).items
            await decide_complaints(
                tx, [ComplaintDecision(complaint_id=item.id, decision=Decision.VERIFY) for item in waiting]
            )

    operator.in_ledger(work)


def approve(operator: Operator, run: dict[str, Any]) -> None:
    async def work(database: Database) -> None:
        viewer = (await officer_viewers(database, operator))["Budi"]
        async with database.transaction(viewer, as_of=operator.now - timedelta(hours=1)) as tx:
            await approve_forwarding(tx, ForwardingApproval(run_id=run["id"], manifest_hash=run["manifestHash"]))

    operator.in_ledger(work)


def render_key_set() -> str:
    key = ECKey.generate_key("P-256", {"use": "sig"}, private=True, auto_kid=True)
    return json.dumps({"keys": [key.as_dict(private=False)]})
