"""Recording an operator's act in the transaction of the act itself, and reading the acts.

The event names the account and the act. The reason is free text and may name a person, so it is sealed, and the event
has only a salted hash of it, as for reveals (docs/adr/0054).
"""

import hashlib
import re
import secrets
from dataclasses import asdict, dataclass

import orjson

from ledger.errors import InvalidInputError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import OperatorActId, new_id
from ledger.operator_acts.table import OPERATOR_LENGTH_MAX, OperatorAct
from ledger.operator_acts.vocabulary import REASON_NEEDED, Act
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records
from ledger.texts import check_text
from ledger.viewer import OPERATOR

_REASON_LENGTH_MAX = 500
_SALT_BYTES = 32
_ACCOUNT = re.compile(r"[^A-Za-z0-9._@\\-]")
_LISTING = Listing("operator_acts", OperatorAct, ("-id",))


class ReasonMissingError(InvalidInputError):
    """This act requires a reason."""

    code = "ACT_REASON_MISSING"
    hint = "Say why with --reason; auditors read it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who acts: the account of the operating system, who became it if that is known, and why.

    Errors: ReasonMissingError for an empty reason; TextInvalidError, TextTooLongError.
    """

    account: str
    behalf_of: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Check the reason."""
        if self.reason is not None and not check_text(self.reason, field="reason", length_max=_REASON_LENGTH_MAX):
            raise ReasonMissingError(field="reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedAct(OperatorAct):
    """An act with its reason unsealed. Its event has the hexadecimal SHA-256 of the salt and the reason."""

    reason: str | None
    reason_salt: bytes | None


async def record_act(tx: Transaction, operator: Operator, act: Act, *, subject: Subject, subject_id: str) -> None:
    """Record the act and append its event, in the caller's transaction.

    Errors: ReasonMissingError, for an act that changes somebody's access.
    """
    if operator.reason is None and act in REASON_NEEDED:
        raise ReasonMissingError(field="reason")
    act_id, salt = OperatorActId(new_id()), secrets.token_bytes(_SALT_BYTES)
    reason = operator.reason and check_text(operator.reason, field="reason", length_max=_REASON_LENGTH_MAX)
    said = orjson.dumps({"reason": reason, "salt": salt.hex()})
    record = OperatorAct(
        id=act_id,
        act=act,
        subject=subject,
        subject_id=subject_id,
        operator=_name(operator.account) or "unknown",
        behalf_of=_name(operator.behalf_of or "") or None,
        reason_sealed=tx.keyring.seal(said, _context(act_id)) if reason else None,
        acted_at=tx.as_of,
    )
    payload = {
        "act": act.value,
        "actId": act_id,
        "operator": record.operator,
        "behalfOf": record.behalf_of,
        "reasonHash": hashlib.sha256(salt + reason.encode()).hexdigest() if reason else None,
    }
    event = EventDraft(
        kind=EventKind.OPERATOR_ACTED,
        subject=subject,
        subject_id=subject_id,
        payload={name: value for name, value in payload.items() if value is not None},
    )
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, [record])
    await append_events(tx, [event], actor=OPERATOR)


async def list_operator_acts(tx: Transaction, page: PageRequest) -> Page[OpenedAct]:
    """Return a page of acts, newest first. Errors: ForbiddenError, OfficerRequiredError, CursorInvalidError."""
    require_officer(tx.viewer)
    found = await fetch_page(tx, _LISTING, page)
    return Page([_open(tx, act) for act in found.items], found.cursors, has_next_page=found.has_next_page)


def _open(tx: Transaction, act: OperatorAct) -> OpenedAct:
    if act.reason_sealed is None:
        return OpenedAct(**asdict(act), reason=None, reason_salt=None)
    said = orjson.loads(tx.keyring.open(act.reason_sealed, _context(act.id)))
    return OpenedAct(**asdict(act), reason=said["reason"], reason_salt=bytes.fromhex(said["salt"]))


def _name(account: str) -> str:
    """Return the account as the log may name it: what an account's name can consist of, and no free text."""
    return _ACCOUNT.sub("_", account)[:OPERATOR_LENGTH_MAX]


def _context(act_id: OperatorActId) -> str:
    return f"operator_acts.reason:{act_id}"
