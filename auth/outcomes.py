"""What officers' logins, credentials and consents came to, as events of the log.

Of failures, only those that concern a known officer are events, and of those a bounded number for each name and window:
a flood of guesses must fill neither the log nor the disk. Nothing else about a failed attempt is kept.
"""

from dataclasses import dataclass

from ledger.closed_lists import ClosedList
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ClientId, OfficerId
from ledger.storage.database import Transaction
from ledger.viewer import Viewer, ViewerKind

NOBODY = OfficerId("00000000-0000-0000-0000-000000000000")


class AccountOutcome(ClosedList):
    """What an officer's login, credential or consent came to."""

    LOGGED_IN = "LOGGED_IN", "The officer logged in."
    LOGIN_FAILED = "LOGIN_FAILED", "The password was wrong, or the officer may not log in."
    SECOND_FACTOR_FAILED = "SECOND_FACTOR_FAILED", "The password was right and the code was not."
    LOCKED_OUT = "LOCKED_OUT", "There were too many failures; the attempt was not looked at."
    LOGGED_OUT = "LOGGED_OUT", "The officer logged out of one browser."
    LOGGED_OUT_EVERYWHERE = "LOGGED_OUT_EVERYWHERE", "The officer logged out everywhere, and all grants ended."
    PASSWORD_CHANGED = "PASSWORD_CHANGED", "The officer changed the password."
    SECOND_FACTOR_ENROLLED = "SECOND_FACTOR_ENROLLED", "The officer set up a second factor."
    SECOND_FACTOR_REMOVED = "SECOND_FACTOR_REMOVED", "The officer removed the second factor."
    INVITATION_USED = "INVITATION_USED", "The officer chose a login and a password with an invitation."
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED", "A recovery code took the place of the app."
    CONSENT_GIVEN = "CONSENT_GIVEN", "The officer allowed an application what it asked for."
    CONSENT_REFUSED = "CONSENT_REFUSED", "The officer refused an application."
    CONSENT_TAKEN_BACK = "CONSENT_TAKEN_BACK", "The officer took a consent back, and what came of it ended."


_KINDS = {
    EventKind.LOGIN_ANSWERED: (
        AccountOutcome.LOGGED_IN,
        AccountOutcome.LOGIN_FAILED,
        AccountOutcome.SECOND_FACTOR_FAILED,
        AccountOutcome.LOCKED_OUT,
    ),
    EventKind.LOGIN_ENDED: (AccountOutcome.LOGGED_OUT, AccountOutcome.LOGGED_OUT_EVERYWHERE),
    EventKind.CREDENTIAL_CHANGED: (
        AccountOutcome.PASSWORD_CHANGED,
        AccountOutcome.SECOND_FACTOR_ENROLLED,
        AccountOutcome.SECOND_FACTOR_REMOVED,
        AccountOutcome.RECOVERY_CODE_USED,
        AccountOutcome.INVITATION_USED,
    ),
    EventKind.CONSENT_DECIDED: (
        AccountOutcome.CONSENT_GIVEN,
        AccountOutcome.CONSENT_REFUSED,
        AccountOutcome.CONSENT_TAKEN_BACK,
    ),
}
_KIND_OF = {outcome: kind for kind, outcomes in _KINDS.items() for outcome in outcomes}
_UNPROVED = frozenset({AccountOutcome.LOGIN_FAILED, AccountOutcome.SECOND_FACTOR_FAILED, AccountOutcome.LOCKED_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvent:
    """One outcome: whose it is, and through which client, if one asked."""

    outcome: AccountOutcome
    officer_id: OfficerId
    client_id: ClientId | None = None


async def record_outcome(tx: Transaction, told: AccountEvent) -> None:
    """Append the event, in the transaction of what it tells. A failure has no actor: nobody has proved who it was."""
    actor = Viewer(
        kind=ViewerKind.REGULATOR,
        member_id=None,
        client_id=told.client_id,
        officer_id=None if told.outcome in _UNPROVED else told.officer_id,
    )
    event = EventDraft(
        kind=_KIND_OF[told.outcome],
        subject=Subject.OFFICER,
        subject_id=told.officer_id,
        payload={"outcome": told.outcome.value},
    )
    await append_events(tx, [event], actor=actor)


async def record_failure(
    tx: Transaction, outcome: AccountOutcome, *, officer_id: OfficerId | None, client_id: ClientId | None
) -> None:
    """Append the event of a failed attempt, or, for a name that no officer has, do all the same and undo it.

    So that the time it takes doesn't tell which names exist.
    """
    nested = await tx.connection.begin_nested()
    await record_outcome(tx, AccountEvent(outcome=outcome, officer_id=officer_id or NOBODY, client_id=client_id))
    if officer_id is None:
        await nested.rollback()
    else:
        await nested.commit()
