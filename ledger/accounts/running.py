"""Which member runs which platform, as the regulator records it: what is asked about an account goes to that member.

A platform is run by at most one member at a time, and only messaging firms run any. Each change is an event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ledger.accounts.forms import name_platform
from ledger.accounts.platforms import PLATFORM_NAME_LENGTH_MAX
from ledger.accounts.reading import load_platforms_by_member
from ledger.accounts.table import RUN_BY_ANOTHER, MemberPlatform
from ledger.copies import replace
from ledger.errors import ConflictError, InvalidInputError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, MemberPlatformId, new_id
from ledger.members.reading import get_member
from ledger.members.table import Member
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records, lock_records, update_records
from ledger.texts import check_optional_reference
from ledger.viewer import MemberKind
from ledger.vocabulary import Platform

_PLATFORMS_MAX = 32


class PlatformInvalidError(InvalidInputError):
    """This is not a platform that a member can run."""

    code = "PLATFORM_INVALID"
    hint = "Name a platform of the list, or OTHER with the name or the domain of one that isn't in it."


class PlatformTakenError(ConflictError):
    """Another member runs this platform."""

    code = "PLATFORM_TAKEN"
    hint = "Take it from the other member first: a platform is run by one member at a time."


class PlatformRunnerError(InvalidInputError):
    """Only a messaging firm runs platforms."""

    code = "PLATFORM_RUNNER_INVALID"


@dataclass(frozen=True, slots=True)
class NamedPlatform:
    """A platform: one of the list, or OTHER with its name."""

    platform: Platform
    name: str | None = None


async def set_member_platforms(
    tx: Transaction, member_id: str, platforms: Sequence[NamedPlatform]
) -> list[MemberPlatform]:
    """Record that a member runs these platforms and no others; returns them. Repeating it changes nothing.

    Shapes: 0..32 platforms.
    Errors: ForbiddenError, UnknownError, PlatformInvalidError, PlatformRunnerError, PlatformTakenError.
    """
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    member = await get_member(tx, member_id, field="memberId")
    if platforms and member.kind is not MemberKind.OTT_PROVIDER:
        raise PlatformRunnerError(field="memberId")
    wanted = _check(platforms)
    async with tx.role(Role.TRANSITION):
        await lock_records(tx, Member, [member.id])
    present = {(run.platform, run.platform_name): run for run in await _list_run(tx, member.id)}
    ended = [run for key, run in present.items() if key not in wanted]
    begun = [
        MemberPlatform(
            id=MemberPlatformId(new_id()),
            member_id=member.id,
            platform=platform,
            platform_name=name,
            began_at=tx.as_of,
        )
        for platform, name in sorted(wanted - present.keys())
    ]
    if ended or begun:
        await _write(tx, member.id, ended, begun, sorted(name or platform for platform, name in wanted))
    return await _list_run(tx, member.id)


async def _write(
    tx: Transaction,
    member_id: MemberId,
    ended: Sequence[MemberPlatform],
    begun: Sequence[MemberPlatform],
    names: Sequence[str],
) -> None:
    event = EventDraft(
        kind=EventKind.MEMBER_CHANGED,
        subject=Subject.MEMBER,
        subject_id=member_id,
        audience=[member_id],
        payload={"platforms": list(names)},
    )
    async with tx.role(Role.TRANSITION):
        await update_records(tx, [(run, replace(run, ended_at=tx.as_of)) for run in ended])
        await insert_records(tx, begun, violations={RUN_BY_ANOTHER: partial(PlatformTakenError, field="platforms")})
    await append_events(tx, [event])


async def _list_run(tx: Transaction, member_id: MemberId) -> list[MemberPlatform]:
    return (await load_platforms_by_member(tx, [member_id]))[member_id]


def _check(platforms: Sequence[NamedPlatform]) -> set[tuple[Platform, str]]:
    if len(platforms) > _PLATFORMS_MAX:
        raise PlatformInvalidError(f"A member runs at most {_PLATFORMS_MAX} platforms.", field="platforms")
    return {_check_one(each) for each in platforms}


def _check_one(named: NamedPlatform) -> tuple[Platform, str]:
    """Errors: PlatformInvalidError for OTHER without a name or with a listed platform's, and for any other with one."""
    name = check_optional_reference(named.name, field="platforms", length_max=PLATFORM_NAME_LENGTH_MAX)
    if (name is not None) != (named.platform is Platform.OTHER):
        raise PlatformInvalidError(field="platforms")
    if name is None:
        return named.platform, ""
    platform, other = name_platform(name)
    if platform is not Platform.OTHER:
        raise PlatformInvalidError(f"{name} is {platform} of the list.", field="platforms")
    return platform, other
