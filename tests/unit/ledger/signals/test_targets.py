"""What a contribution is about, in the one form by which two members who write it differently report the same."""

import pytest

from ledger.accounts.vocabulary import AccountKind
from ledger.errors import LedgerError
from ledger.signals.targets import AccountDraft, ContributionDraft, ContributionTargetError, read_target
from ledger.signals.vocabulary import ContributionKind
from ledger.vocabulary import Category, Platform


def read(**said):
    return read_target(ContributionDraft(category=Category.FRAUD, reference="R", **said))


class TestReadingATarget:
    @pytest.mark.parametrize(
        "said",
        [
            {"account": AccountDraft(platform="Telegram", handle="@Budi_S")},
            {"account": AccountDraft(platform="tg", handle="budi_s")},
            {"account": AccountDraft(platform="Telegram", url="https://telegram.me/Budi_S?start=1")},
            {"link": "https://t.me/budi_s"},
            {"link": "HTTPS://T.ME/Budi_S#x"},
        ],
    )
    def test_is_the_same_account_in_every_writing(self, said):
        found = read(**said)
        assert (found["kind"], found["platform"], found["account_kind"], found["handle"]) == (
            ContributionKind.ACCOUNT, Platform.TELEGRAM, AccountKind.ACCOUNT, "budi_s",
        )  # fmt: skip
        assert found["account_hash"] == read(account=AccountDraft(platform="Telegram", handle="budi_s"))["account_hash"]

    def test_keeps_an_account_that_cant_be_read_as_it_was_written(self):
        found = read(account=AccountDraft(platform="Some app", handle="Budi"))
        assert (found["platform"], found["platform_name"], found["account_kind"], found["handle"]) == (
            Platform.OTHER, "some app", AccountKind.UNREAD, "Budi",
        )  # fmt: skip

    def test_reads_an_account_that_is_a_number_as_the_account_and_not_as_the_number(self):
        found = read(account=AccountDraft(platform="WhatsApp", handle="0812 0000 0001"))
        assert (found["handle"], "e164" in found) == ("+6281200000001", False)

    @pytest.mark.parametrize("link", ["https://t.me/+invitation", "https://hadiah.example/", "https://wa.me/"])
    def test_keeps_a_link_that_leads_to_no_account_as_a_link(self, link):
        assert read(link=link) == {"kind": ContributionKind.LINK, "url": link}

    def test_reads_a_number(self):
        assert read(number="0812-0000-0001") == {"kind": ContributionKind.NUMBER, "e164": "+6281200000001"}

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"number": "081200000001", "link": "https://a.example/"},
            {"account": AccountDraft(platform="X")},
            {"account": AccountDraft(platform=" ", handle="a")},
        ],
    )
    def test_needs_exactly_one_thing_that_names_something(self, said):
        with pytest.raises(ContributionTargetError):
            read(**said)

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"number": "nonsense"}, "number"),
            ({"link": "nonsense"}, "link"),
            ({"account": AccountDraft(platform="X", handle="x" * 257)}, "account.handle"),
            ({"account": AccountDraft(platform="X", url="x" * 2_049)}, "account.url"),
        ],
    )
    def test_names_the_field_at_fault(self, said, field):
        with pytest.raises(LedgerError) as refused:
            read(**said)
        assert refused.value.field == field
