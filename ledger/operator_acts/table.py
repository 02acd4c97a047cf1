"""The table of operators' acts: append-only, with the reason sealed, since its words may name a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint

from ledger.feed.vocabulary import Subject
from ledger.identifiers import OperatorActId
from ledger.operator_acts.vocabulary import Act
from ledger.storage.access import Access, reads
from ledger.storage.markers import KEY, UNCHECKED
from ledger.storage.records import declare
from ledger.storage.roles import Role

OPERATOR_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAct:
    """One act. operator is the account of the operating system; behalf_of who became it (SUDO_USER), if told."""

    id: Annotated[OperatorActId, KEY]
    act: Annotated[Act, UNCHECKED]
    subject: Annotated[Subject, UNCHECKED]
    subject_id: str
    operator: str
    behalf_of: str | None = None
    reason_sealed: bytes | None = None
    acted_at: datetime


operator_acts = declare(
    "operator_acts",
    OperatorAct,
    CheckConstraint(f"char_length(operator) BETWEEN 1 AND {OPERATOR_LENGTH_MAX}", name="operator_length"),
    CheckConstraint(f"char_length(behalf_of) BETWEEN 1 AND {OPERATOR_LENGTH_MAX}", name="behalf_of_length"),
    access=(
        Access(role=Role.TRANSITION, insert=True),
        *reads(Role.REGULATOR),
        Access(role=Role.JOBS, select=("id", "reason_sealed"), update=("reason_sealed",)),
    ),
)
