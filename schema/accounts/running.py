"""Recording which member runs which platform."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.accounts.running import NamedPlatform, set_member_platforms
from ledger.vocabulary import Platform
from schema.authority import MEMBERS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.members.types import MemberPlatform
from schema.models import given
from schema.pages import few
from schema.texts import CHECKED


@fed.input(description="A platform: one of the list, or OTHER with its name.")
class NamedPlatformInput:
    platform: Platform = strawberry.field(description="The platform.")
    name: str | None = strawberry.field(description="The name or domain of one that is OTHER.", default=UNSET)


@fed.input(description="The platforms that a messaging firm runs.")
class SetMemberPlatformsInput:
    member_id: strawberry.ID = strawberry.field(description="The messaging firm.")
    platforms: list[NamedPlatformInput] = strawberry.field(description="All that it runs; it runs no others.")


@fed.type(description="The result of setMemberPlatforms.")
class SetMemberPlatformsPayload:
    platforms: list[MemberPlatform] | None = strawberry.field(
        description="The platforms that it runs.", directives=[few(3)]
    )


@fed.type
class PlatformMutations:
    @field(
        "Record which platforms a messaging firm runs; what is asked about an account goes to the one that runs its "
        "platform, and each is run by one firm at a time. Safe to repeat.",
        needs=MEMBERS_MANAGE,
        extensions=[CHECKED],
    )
    async def set_member_platforms(
        self,
        info: Info,
        input: Annotated[SetMemberPlatformsInput, strawberry.argument(description="The platforms.")],  # noqa: A002
    ) -> SetMemberPlatformsPayload | None:
        named = [NamedPlatform(**given(each)) for each in input.platforms]
        run = await info.context.write(set_member_platforms, input.member_id, named)
        return SetMemberPlatformsPayload(platforms=[MemberPlatform.of(each) for each in run])
