"""Links to the bytes of evidence and of extracts, each for the viewer who asks alone."""

from datetime import datetime, timedelta

import strawberry

from ledger.complaints.links import Link, sign_link
from resolvers.context import Context


@strawberry.type(
    description="A link to bytes, for a short time. It answers GET with your token alone: whoever else has it gets "
    "nothing. Each use is recorded."
)
class EvidenceLink:
    url: str = strawberry.field(description="The address.")
    expires_at: datetime = strawberry.field(description="Until when it can be used.")

    @classmethod
    def to(cls, context: Context, link: Link) -> "EvidenceLink":
        """Make the link for the operation's viewer."""
        database = context.database
        valid = timedelta(seconds=database.policies.evidence_link_seconds)
        signed = sign_link(database.keyring, link, context.viewer, as_of=context.as_of, valid=valid)
        url = f"{context.auth_settings.base_url}/evidence/content/{signed}"
        return cls(url=url, expires_at=(context.as_of + valid).replace(microsecond=0))
