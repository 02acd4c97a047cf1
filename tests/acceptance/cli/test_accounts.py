"""`jembatan accounts` and `jembatan member run`: what the commands print, and whom they refuse."""

from tests.support.operator import WHY, Operator

ACCUSED = (
    "medium,category,account_platform,account_handle,account_url\n"
    "OTT,FRAUD,Telegram,@Budi_S,\n"
    "OTT,FRAUD,tg,,https://t.me/budi_s?start=1\n"
    "OTT,FRAUD,WhatsApp,,https://chat.whatsapp.com/AbCdEf\n"
)


def accuse(operator: Operator) -> None:
    complaints = operator.write("accused.csv", ACCUSED)
    operator.run("import", "complaints", complaints, "--format", "csv", "--source", "polri")


class TestAccounts:
    def test_lists_each_account_once_however_the_file_writes_it(self, admitted: Operator) -> None:
        accuse(admitted)
        [most, other] = admitted.run("accounts", "list", "--sort", "most_complaints", "--json").json["accounts"]
        assert (most["platform"], most["handle"], most["complaintCount"]) == ("TELEGRAM", "budi_s", 2)
        assert (other["kind"], other["isCanonical"]) == ("GROUP", False)
        of_kind = admitted.run("accounts", "list", "--kind", "group", "--json").json["accounts"]
        assert [each["id"] for each in of_kind] == [other["id"]]
        assert "budi_s" in admitted.run("accounts", "list", "--platform", "telegram").out

    def test_shows_one_by_its_handle_or_its_address(self, admitted: Operator) -> None:
        accuse(admitted)
        by_handle = admitted.run("accounts", "show", "Telegram", "Budi_S", "--json").json
        by_address = admitted.run("accounts", "show", "https://telegram.me/budi_s", "--json").json
        assert by_handle == by_address
        assert by_handle["complaintCount"] == 2
        assert "https://t.me/budi_s" in admitted.run("accounts", "show", "tg", "@budi_s").out
        assert admitted.run("accounts", "show", "telegram", "nobody1", status=1).code == "NOT_FOUND"


class TestMemberRun:
    def test_records_all_that_a_firm_runs_and_refuses_what_another_does(self, admitted: Operator) -> None:
        admitted.run("member", "add", "a-messenger", "--kind", "ott_provider", "--name", "A messenger")
        run = admitted.run("member", "run", "a-messenger", "WA", "Bigo Live", *WHY, "--json").json["platforms"]
        assert [each["otherName"] or each["platform"] for each in run] == ["bigo live", "WHATSAPP"]
        assert admitted.run("member", "platforms", "a-messenger", "--json").json["platforms"] == run
        admitted.run("member", "add", "another-messenger", "--kind", "ott_provider", "--name", "Another")
        refused = admitted.run("member", "run", "another-messenger", "whatsapp", *WHY, status=1)
        assert refused.code == "PLATFORM_TAKEN"
        assert admitted.run("member", "run", "a-messenger", *WHY, "--json").json == {"platforms": []}
