"""Steps that tests of accounts begin with: complaints about them, and who runs their platforms."""

from ledger.accounts.running import NamedPlatform, set_member_platforms
from ledger.complaints.filing import FiledComplaint, file_complaints
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import Medium, Remedy
from tests.support.journeys import complaint_draft


def accuse(platform, handle=None, url=None, *, number=None, **more):
    """A complaint about an account, with a reference of its own."""
    sides = {"medium": Medium.OTT, "remedy": Remedy.OTT_ACTION} | more
    return complaint_draft(number, account_platform=platform, account_handle=handle, account_url=url, **sides)


async def file_accused(database, viewer, as_of, *written, **more) -> list[Complaint]:
    """A complaint of each account, written as (platform, handle, url), filed by the viewer."""
    async with database.transaction(viewer, as_of=as_of) as tx:
        filed = await file_complaints(tx, [accuse(*each, **more) for each in written])
    assert all(isinstance(each, FiledComplaint) for each in filed), filed
    return [each.complaint for each in filed]


async def run_platforms(database, parties, as_of, *platforms, provider=None):
    """Record that the provider runs these platforms and no others."""
    member_id = (provider or parties.provider).member_id
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await set_member_platforms(tx, member_id, [NamedPlatform(each) for each in platforms])
