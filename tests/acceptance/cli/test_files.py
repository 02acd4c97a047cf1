"""Complaints from files, orders to files, acknowledgements from files: accounts that add up, and nothing twice."""

import csv
import hashlib
import io
from typing import Any

import pytest

from tests.support.operated import COMPLAINTS, FORWARD, approve, verify_all
from tests.support.operator import WHY, Operator
from tests.support.places import SHARED_DATA


@pytest.fixture
def issued(admitted: Operator) -> Operator:
    """With orders that wait for both carriers."""
    admitted.run("import", "complaints", admitted.write("c.csv", COMPLAINTS), "--format", "csv", "--source", "polri")
    verify_all(admitted)
    approve(admitted, admitted.run(*FORWARD, "--json").json["run"])
    return admitted


class TestImportComplaints:
    def run(self, operator: Operator, *more: str, status: int = 0) -> Any:
        file = operator.write("complaints.csv", COMPLAINTS)
        command = ("import", "complaints", file, "--format", "csv", "--source", "polri", "--json", *more)
        return operator.run(*command, status=status)

    def test_gives_an_account_that_adds_up(self, admitted: Operator) -> None:
        rejected = admitted.folder / "rejected.csv"
        account = self.run(admitted, "--rejected", str(rejected)).json
        assert account == {
            "read": 5, "filed": 4, "alreadyFiled": 0, "rejected": 1, "rejectedByReason": {"NUMBER_INVALID": 1},
            "blankRowsPassedOver": 0, "addsUp": True,
        }  # fmt: skip
        (row,) = csv.DictReader(io.StringIO(rejected.read_text(), newline=""))
        assert (row["line"], row["code"], row["text"]) == ("6", "NUMBER_INVALID", "A-5,12,SMS,FRAUD,No number.\n")
        assert (row["field"], row["hint"] != "") == ("number", True)

    def test_files_nothing_twice(self, admitted: Operator) -> None:
        self.run(admitted)
        again = self.run(admitted).json
        assert (again["filed"], again["alreadyFiled"], again["rejected"]) == (0, 4, 1)

    def test_tells_what_was_filed_before_a_bad_place(self, admitted: Operator) -> None:
        file = admitted.write("broken.csv", COMPLAINTS + 'A-6,"089011110009,SMS')
        ended = admitted.run("import", "complaints", file, "--format", "csv", "--source", "polri", "--json", status=1)
        assert ended.code == "FILE_QUOTE_UNCLOSED"
        assert "Line 7" in ended.err
        assert ended.json["filed"] == 4

    def test_counts_blank_rows_apart(self, admitted: Operator) -> None:
        text = COMPLAINTS.replace(",", ";").replace("A-3", ";;;;\n  ;\n\nA-3")
        file = admitted.write("semicolons.csv", text)
        command = ("import", "complaints", file, "--format", "csv", "--source", "polri")
        account = admitted.run(*command, "--json").json
        assert (account["read"], account["filed"], account["blankRowsPassedOver"], account["addsUp"]) == (5, 4, 3, True)
        assert "blank rows passed over  3" in admitted.run(*command).out

    def test_reads_another_encoding_where_it_is_named_alone(self, admitted: Operator) -> None:
        file = admitted.folder / "excel.csv"
        file.write_bytes(
            "reference;number;medium;category;narrative\nB-1;0890 1111 0001;SMS;FRAUD;caf\u00e9\n".encode("cp1252")
        )
        command = ("import", "complaints", str(file), "--format", "csv", "--source", "polri")
        refused = admitted.run(*command, status=1)
        assert refused.code == "FILE_ENCODING_WRONG"
        assert "--encoding windows-1252" in refused.err
        assert admitted.run(*command, "--encoding", "windows-1252", "--json").json["filed"] == 1
        admitted.run(*command, "--encoding", "klingon", status=2)

    def test_tells_of_a_workbook_how_to_save_it(self, admitted: Operator) -> None:
        file = admitted.folder / "complaints.xlsx"
        file.write_bytes(b"PK\x03\x04\x14\x00\x06\x00")
        refused = admitted.run("import", "complaints", str(file), "--format", "csv", "--source", "polri", status=1)
        assert refused.code == "FILE_IS_WORKBOOK"
        assert "CSV UTF-8" in refused.err

    def test_refuses_a_source_that_files_none(self, admitted: Operator) -> None:
        file = admitted.write("complaints.csv", COMPLAINTS)
        command = ("import", "complaints", file, "--format", "csv", "--source", "telkomsel")
        assert admitted.run(*command, status=1).code == "NAME_UNKNOWN"

    @pytest.mark.real_data
    @pytest.mark.skipif(not SHARED_DATA.exists(), reason="the real files are not here")
    def test_takes_the_real_complaints_whole_and_once(self, admitted: Operator) -> None:
        command = (
            "import",
            "complaints",
            str(SHARED_DATA / "id_sms_complaints.csv"),
            "--format",
            "csv",
            "--source",
            "polri",
        )
        assert admitted.run(*command, "--json").json["filed"] == 179
        assert admitted.run(*command, "--json").json["alreadyFiled"] == 179


class TestForward:
    def test_writes_a_manifest_and_issues_nothing(self, admitted: Operator) -> None:
        file = admitted.write("c.csv", COMPLAINTS)
        admitted.run("import", "complaints", file, "--format", "csv", "--source", "polri")
        verify_all(admitted)
        answer = admitted.run(*FORWARD, "--json").json
        results = {item["e164"]: item["result"] for item in answer["items"]}
        assert results["+12025550143"] == "NOT_DOMESTIC"
        assert sorted(results.values()) == ["DRAFTED", "DRAFTED", "DRAFTED", "NOT_DOMESTIC"]
        assert answer["run"]["state"] == "PROPOSED"
        assert admitted.run("orders", "export", "--carrier", "telkomsel", "--json").json == []

    def test_gives_each_drafts_hash_and_its_content_as_text_to_be_hashed(self, admitted: Operator) -> None:
        file = admitted.write("c.csv", COMPLAINTS)
        admitted.run("import", "complaints", file, "--format", "csv", "--source", "polri")
        verify_all(admitted)
        items = admitted.run(*FORWARD, "--json").json["items"]
        hashes = {item["contentHash"] for item in items if item["orderId"]}
        waiting = admitted.run("orders", "waiting", "--json").json
        assert {line["contentHash"] for line in waiting} == hashes
        assert {line["waits"] for line in waiting} == {"DRAFT"}
        text = admitted.run("orders", "content", waiting[0]["orderNo"]).out
        assert hashlib.sha256(text.encode()).hexdigest() == waiting[0]["contentHash"]
        assert admitted.run("orders", "content", waiting[0]["orderNo"], "--json").json == {
            "contentText": text, "contentHash": waiting[0]["contentHash"],
        }  # fmt: skip
        assert admitted.run("orders", "content", "O-2026-9999999", status=1).code == "NOT_FOUND"

    def test_says_when_nothing_waits(self, admitted: Operator) -> None:
        assert admitted.run(*FORWARD, status=1).code == "NOTHING_TO_FORWARD"

    def test_needs_an_active_officer(self, admitted: Operator) -> None:
        admitted.run("officer", "disable", *WHY, "ana")
        assert admitted.run(*FORWARD, status=1).code == "OFFICER_INACTIVE"


class TestRoundTrip:
    def export(self, operator: Operator, carrier: str = "telkomsel") -> list[dict[str, str]]:
        return list(csv.DictReader(operator.run("orders", "export", "--carrier", carrier).out.splitlines()))

    def send(self, operator: Operator, rows: list[dict[str, str]], *more: str, status: int = 0) -> Any:
        path = operator.folder / "answers.csv"
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        command = ("acknowledgements", "import", str(path), "--carrier", "telkomsel", "--json", *more)
        return operator.run(*command, status=status).json

    def test_exports_a_carriers_own_orders_alone(self, issued: Operator) -> None:
        assert [row["number"] for row in self.export(issued)] == ["+6289011110001", "+6289011110002"]
        (other,) = self.export(issued, "xlsmart")
        assert (other["number"], other["brand"], other["acknowledgement"]) == ("+6289211110003", "axis", "")

    def test_records_what_was_filled_in_and_nothing_twice(self, issued: Operator) -> None:
        rows = self.export(issued)
        rows[0] |= {"acknowledgement": "EXECUTED", "reference": "TKT-1"}
        first = self.send(issued, rows)
        assert (first["read"], first["recorded"], first["notFilledIn"], first["rejected"]) == (2, 1, 1, 0)
        again = self.send(issued, rows)
        assert (again["recorded"], again["alreadyRecorded"]) == (0, 1)
        assert [row["number"] for row in self.export(issued)] == ["+6289011110002"]

    def test_corrects_a_faulty_file_by_another_that_names_its_references(self, issued: Operator) -> None:
        rows = self.export(issued)
        said = [row | {"acknowledgement": "EXECUTED", "reference": f"TKT-{row['number']}"} for row in rows]
        assert self.send(issued, said)["recorded"] == 2
        assert self.export(issued) == []
        mended = [
            row
            | {"acknowledgement": "RECEIVED", "note": "The job never ran.", "corrects_reference": row["reference"]}
            | {"reference": f"C-{row['number']}"}
            for row in said
        ]
        assert self.send(issued, mended)["recorded"] == 2
        assert self.send(issued, mended)["alreadyRecorded"] == 2
        assert [row["state"] for row in self.export(issued)] == ["RECEIVED", "RECEIVED"]
        again = [row | {"reference": f"D-{row['number']}"} for row in mended]
        assert self.send(issued, again, status=1)["rejectedByReason"] == {"ALREADY_CORRECTED": 2}

    def test_rejects_row_by_row_with_line_and_reason(self, issued: Operator) -> None:
        rows = self.export(issued)
        rows[0] |= {"acknowledgement": "EXECUTED", "reference": "TKT-1"}
        rows[1] |= {"acknowledgement": "IMPOSSIBLE", "reference": "TKT-2", "reason": "TIRED"}
        other = dict(self.export(issued, "xlsmart")[0]) | {"acknowledgement": "EXECUTED", "reference": "TKT-3"}
        unknown = other | {"order_no": "O-2026-9999999"}
        rejected = issued.folder / "rejected.csv"
        account = self.send(issued, [*rows, other, unknown], "--rejected", str(rejected), status=1)
        assert account["rejectedByReason"] == {"NOT_FOUND": 2, "REASON_UNKNOWN": 1}
        refused = list(csv.DictReader(io.StringIO(rejected.read_text(), newline="")))
        assert [(row["line"], row["code"]) for row in refused] == [
            ("3", "REASON_UNKNOWN"), ("4", "NOT_FOUND"), ("5", "NOT_FOUND"),
        ]  # fmt: skip
        assert refused[0]["field"] == "reason"
        # Another carrier's order looks exactly like one that does not exist.
        assert refused[1]["message"] == refused[2]["message"]
        mended = [row | {"reason": "TECHNICAL"} for row in refused[:1]]
        assert self.send(issued, mended)["recorded"] == 1

    def test_takes_what_a_spreadsheet_made_of_the_file(self, issued: Operator) -> None:
        (first, second) = (row["order_no"] for row in self.export(issued))
        text = (
            "sep=;\r\norder_no;acknowledgement;reference;effective_at;;\r\n"
            f"{first};RECEIVED;T1\r\n;;;;;\r\n{second};EXECUTED;T2;1/11/2026 19:30;;\r\n"
        )
        file = issued.write("excel.csv", text)
        command = ("acknowledgements", "import", file, "--carrier", "telkomsel", "--timezone", "WIB")
        ended = issued.run(*command, "--json", status=1)
        assert ended.json["recorded"] == ended.json["blankRowsPassedOver"] == ended.json["rejected"] == 1
        assert ended.json["addsUp"] is True
        assert "Line 5, effective_at: TIME_INVALID: Either part of the date may be the day." in ended.err
        assert "--day-first" in ended.err

    def test_names_a_column_that_it_does_not_know(self, issued: Operator) -> None:
        file = issued.write("typo.csv", "order_no,acknowledgement,reference,efective_at\n")
        ended = issued.run("acknowledgements", "import", file, "--carrier", "telkomsel", status=1)
        assert ended.code == "ACKNOWLEDGEMENT_FILE_INVALID"
        assert "unknown: 'efective_at' (column 4)" in ended.err

    def test_records_nothing_of_a_file_that_breaks_off(self, issued: Operator) -> None:
        rows = self.export(issued)
        text = f'order_no,acknowledgement,reference\n{rows[0]["order_no"]},EXECUTED,T1\n{rows[1]["order_no"]},"EXEC'
        file = issued.write("broken.csv", text)
        ended = issued.run("acknowledgements", "import", file, "--carrier", "telkomsel", status=1)
        assert ended.code == "ACKNOWLEDGEMENT_FILE_INVALID"
        assert len(self.export(issued)) == 2
