"""The feed: entries in order, each with what its leaf of the tree commits to, so that recipients can verify them."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed.entries import Entry
from ledger.feed.proofs import prove_inclusion
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import Position
from resolvers import feed as resolve
from resolvers.batches import FEED, follow
from resolvers.sources import Message
from schema.authority import AUDIT_READ, FEED_READ
from schema.feed.proofs import InclusionProof, TreeSize
from schema.feed.subscriptions import CURSOR, FollowAfter
from schema.fields import field, subscription
from schema.info import Info
from schema.members.types import Member, Officer, find_member, find_officer
from schema.models import copy_model
from schema.pages import PAGED, QUERIED, Connection, First, few, page_request
from schema.scalars import Base64, FeedCursor

AUDIENCE_ASSUMED = 2

FeedAfter = Annotated[
    FeedCursor | None,
    strawberry.argument(description="Return what follows this cursor of the feed, wherever the cursor came from."),
]


@fed.type(
    description="An entry of the feed that you may see. leafHash is the SHA-256 of a zero byte, the salt and the text.",
    requires_scopes=FEED_READ,
)
class FeedEntry:
    position: Position = strawberry.field(description="Its place in the feed; its index in the tree is one less.")
    cursor: FeedCursor = strawberry.field(description="The place after it.")
    leaf_hash: Base64 = strawberry.field(description="Its leaf hash in the tree, 32 bytes; it is never erased.")
    kind: EventKind = strawberry.field(description="What happened.")
    subject: Subject = strawberry.field(description="The type of the object it concerns.")
    subject_id: str = strawberry.field(description="The object's ID, or the number itself.")
    state: str | None = strawberry.field(description="The object's state after the event.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its content; text and salt are null from then on."
    )

    @field("What the leaf hash commits to, byte for byte: a JSON object, to be hashed as is.")
    async def text(self, info: Info) -> str | None:
        committed = await info.context.loaders.entry_texts.load(self.position)
        return committed.text if committed else None

    @field("Hashed before the text, so that nobody can guess the content from the hash; 32 bytes.")
    async def salt(self, info: Info) -> Base64 | None:
        committed = await info.context.loaders.entry_texts.load(self.position)
        return Base64(committed.salt) if committed else None

    @field("Who acted and who may see the entry, byte for byte; text contains its hash.", needs=AUDIT_READ)
    async def reserved_text(self, info: Info) -> str | None:
        committed = await info.context.loaders.reserved_texts.load(self.position)
        return committed.text if committed else None

    @field("Hashed before the reserved text.", needs=AUDIT_READ)
    async def reserved_salt(self, info: Info) -> Base64 | None:
        committed = await info.context.loaders.reserved_texts.load(self.position)
        return Base64(committed.salt) if committed else None

    @field("The member that acted.", needs=AUDIT_READ)
    async def member(self, info: Info) -> Member | None:
        acting = await resolve.find_acting(info.context, self.position)
        return await find_member(info.context, acting.member_id) if acting else None

    @field("The officer who acted.", needs=AUDIT_READ)
    async def officer(self, info: Info) -> Officer | None:
        acting = await resolve.find_acting(info.context, self.position)
        return await find_officer(info.context, acting.officer_id) if acting else None

    @field("The client that acted.", needs=AUDIT_READ)
    async def client_id(self, info: Info) -> strawberry.ID | None:
        acting = await resolve.find_acting(info.context, self.position)
        return strawberry.ID(acting.client_id) if acting and acting.client_id else None

    @field("The members that may see it, besides the regulator.", needs=AUDIT_READ, directives=[few(AUDIENCE_ASSUMED)])
    async def audience(self, info: Info) -> list[Member | None] | None:
        acting = await resolve.find_acting(info.context, self.position)
        return [await find_member(info.context, member_id) for member_id in acting.audience] if acting else None

    @field("A proof that it is in the tree of a given size.", directives=[QUERIED])
    async def inclusion_proof(self, info: Info, tree_size: TreeSize) -> InclusionProof | None:
        """Runs one statement per entry. Errors: POSITION_UNKNOWN, TREE_SIZE_UNKNOWN."""
        proof = await info.context.read(prove_inclusion, self.position, tree_size)
        return InclusionProof.of(proof)

    @classmethod
    def of(cls, entry: Entry, cursor: str) -> "FeedEntry":
        return copy_model(cls, entry, cursor=FeedCursor(cursor))


@fed.type(description="One page of the feed.", requires_scopes=FEED_READ)
class FeedEntryConnection(Connection[FeedEntry]):
    pass


@fed.type(description="A message of the feed.", requires_scopes=FEED_READ)
class FeedMessage:
    cursor: FeedCursor = strawberry.field(description=CURSOR)
    entry: FeedEntry | None = strawberry.field(description="The entry; null if the message only reports a place.")

    @classmethod
    def of(cls, message: Message) -> "FeedMessage":
        entry = FeedEntry.of(message.entry, message.cursor) if message.entry else None
        return cls(cursor=FeedCursor(message.cursor), entry=entry)


@fed.type
class FeedQueries:
    @field("The feed's entries that you may see, oldest first.", needs=FEED_READ, directives=[PAGED])
    async def feed(self, info: Info, first: First = UNSET, after: FeedAfter = UNSET) -> FeedEntryConnection | None:
        """Errors: CURSOR_INVALID; CURSOR_EXPIRED with oldestPosition and oldestCursor."""
        page = await resolve.list_entries(info.context, page_request(first, after))
        return FeedEntryConnection.of(page, lambda placed: FeedEntry.of(*placed), after=after)


@fed.type
class FeedSubscriptions:
    @subscription("Every entry of the feed that you may see.", needs=FEED_READ, tells=FeedMessage.of)
    async def feed(
        self,
        info: Info,
        after: FollowAfter = UNSET,  # noqa: ARG002 - the gateway reads it and supplies the messages
    ) -> AsyncGenerator[FeedMessage | None, None]:
        """Errors: CURSOR_INVALID, CURSOR_EXPIRED."""
        async for message in follow(info.context, FEED):
            yield FeedMessage.of(message)
