"""`jembatan referrals`: offers in an officer's name, lists, and responses from a file that nobody records twice."""

from typing import Any

import pytest

from tests.support.operated import verify_all
from tests.support.operator import WHY, Operator

ACCUSED = (
    "number,medium,category,account_platform,account_handle,remedy\n"
    ",OTT,FRAUD,Telegram,@Budi_S,OTT_ACTION\n"
    "0890 1111 0001,OTT,FRAUD,,,OTT_ACTION\n"
)
OFFER = ("referrals", "offer", "--officer", "ana", "--provider", "a-messenger", "--summary", "Prize fraud.")


@pytest.fixture
def taking_part(admitted: Operator) -> Operator:
    """With a provider that takes part, and verified complaints of an account and of a number."""
    admitted.run("member", "add", "a-messenger", "--kind", "ott_provider", "--name", "A messenger")
    admitted.run("member", "run", "a-messenger", "telegram", *WHY)
    terms = ("--terms", "PKS-7", "--purpose", "Protect users", "--roles", "Each a controller", "--disclosure", "clear")
    admitted.run("participation", "start", "a-messenger", *terms, *WHY)
    accused = admitted.write("accused.csv", ACCUSED)
    admitted.run("import", "complaints", accused, "--format", "csv", "--source", "polri")
    verify_all(admitted)
    return admitted


def offer_both(operator: Operator) -> tuple[Any, Any]:
    account = operator.run("accounts", "show", "telegram", "budi_s", "--json").json
    of_account = operator.run(*OFFER, "--account", account["id"], "--reply-hoped-by", "2027-01-31", "--json").json
    of_number = operator.run(*OFFER, "--number", "0890 1111 0001", "--json").json
    return of_account, of_number


class TestOffer:
    def test_asks_about_an_account_or_a_number(self, taking_part: Operator) -> None:
        of_account, of_number = offer_both(taking_part)
        assert (of_account["state"], of_account["e164"], of_account["replyHopedBy"]) == ("OFFERED", None, "2027-01-31")
        assert (of_number["state"], of_number["e164"], of_number["accountId"]) == ("OFFERED", "+6289011110001", None)

    def test_refuses_a_second_one_and_one_of_what_nobody_complained_of(self, taking_part: Operator) -> None:
        offer_both(taking_part)
        again = taking_part.run(*OFFER, "--number", "0890 1111 0001", status=1)
        assert (again.code, again.out) == ("REFERRAL_ALREADY_OPEN", "")
        assert taking_part.run(*OFFER, "--number", "0890 1111 0009", status=1).code == "REFERRAL_UNFOUNDED"
        assert taking_part.run(*OFFER, status=1).code == "REFERRAL_GROUNDS_UNCLEAR"

    def test_refuses_a_provider_that_does_not_take_part(self, taking_part: Operator) -> None:
        taking_part.run("participation", "end", "a-messenger", "--reason", "provider_left")
        ended = taking_part.run(*OFFER, "--number", "0890 1111 0001", status=1)
        assert ended.code == "PROVIDER_NOT_TAKING_PART"


class TestRead:
    def test_lists_by_provider_and_state_and_shows_one_with_its_responses(self, taking_part: Operator) -> None:
        of_account, of_number = offer_both(taking_part)
        said = f"referral_no,response,reference\n{of_number['referralNo']},NO_ACCOUNT,WA-1\n"
        taking_part.run("referrals", "respond", taking_part.write("said.csv", said), "--provider", "a-messenger")
        listed = taking_part.run("referrals", "list", "--provider", "a-messenger", "--json").json["referrals"]
        assert [each["id"] for each in listed] == [of_number["id"], of_account["id"]]
        waiting = taking_part.run("referrals", "list", "--state", "offered")
        assert "TELEGRAM budi_s" in waiting.out
        assert of_number["referralNo"] not in waiting.out
        shown = taking_part.run("referrals", "show", of_number["referralNo"], "--json").json
        assert shown["referral"]["state"] == "NO_ACCOUNT"
        assert [(each["kind"], each["reference"]) for each in shown["responses"]] == [("NO_ACCOUNT", "WA-1")]
        assert "WA-1" in taking_part.run("referrals", "show", of_number["referralNo"].lower()).out
        assert taking_part.run("referrals", "show", "R-2026-9999999", status=1).code == "NOT_FOUND"


class TestRespond:
    def test_records_a_file_once_and_tells_of_each_refused_row(self, taking_part: Operator) -> None:
        of_account, of_number = offer_both(taking_part)
        rows = (
            "referral_no,response,action,ground,reason,reference,effective_at,note\n"
            f"{of_account['referralNo']},actioned,banned,own terms,,WA-1,2026-03-02T10:00:00+07:00,Banned.\n"
            f"{of_number['referralNo']},DECLINED,,,PRIVACY,WA-2,,\n"
            f"{of_number['referralNo']},,,,,,,\n"
            ",,,,,,,\n"
            "R-2026-9999999,RECEIVED,,,,WA-3,,\n"
            f"{of_account['referralNo']},BLESSED,,,,WA-4,,\n"
        )
        respond = ("referrals", "respond", taking_part.write("said.csv", rows), "--provider", "a-messenger", "--json")
        first = taking_part.run(*respond, status=1).json
        assert [(each["kind"], each["action"], each["reason"]) for each in first["responses"]] == [
            ("ACTIONED", "BANNED", None),
            ("DECLINED", None, "PRIVACY"),
        ]
        refused = [(each["line"], each["problem"]["code"], each["problem"]["field"]) for each in first["refused"]]
        assert refused == [(6, "NOT_FOUND", "referralNo"), (7, "ROW_VALUE_UNKNOWN", "response")]
        counts = {name: first[name] for name in ("recorded", "alreadyRecorded", "notFilledIn", "blankRowsPassedOver")}
        assert counts == {"recorded": 2, "alreadyRecorded": 0, "notFilledIn": 1, "blankRowsPassedOver": 1}
        again = taking_part.run(*respond, status=1).json
        assert (again["recorded"], again["alreadyRecorded"]) == (0, 2)

    def test_finds_no_referral_of_another_provider(self, taking_part: Operator) -> None:
        _, of_number = offer_both(taking_part)
        taking_part.run("member", "add", "another-messenger", "--kind", "ott_provider", "--name", "Another")
        terms = ("--terms", "PKS-8", "--purpose", "Protect users", "--roles", "Each a controller")
        taking_part.run("participation", "start", "another-messenger", *terms, *WHY)
        rows = taking_part.write(
            "said.csv", f"referral_no,response,reference\n{of_number['referralNo']},RECEIVED,X-1\n"
        )
        ended = taking_part.run("referrals", "respond", rows, "--provider", "another-messenger", "--json", status=1)
        assert [each["problem"]["code"] for each in ended.json["refused"]] == ["NOT_FOUND"]

    def test_records_nothing_of_a_file_that_can_not_be_read_to_its_end(self, taking_part: Operator) -> None:
        _, of_number = offer_both(taking_part)
        rows = f'referral_no,response,reference\n{of_number["referralNo"]},RECEIVED,WA-1\n"R-'
        file = taking_part.write("said.csv", rows)
        ended = taking_part.run("referrals", "respond", file, "--provider", "a-messenger", status=1)
        assert ended.code == "REFERRAL_RESPONSE_FILE_INVALID"
        [still] = taking_part.run("referrals", "list", "--state", "offered", "--json").json["referrals"][:1]
        assert still["referralNo"] == of_number["referralNo"]
