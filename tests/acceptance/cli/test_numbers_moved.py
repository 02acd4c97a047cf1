"""Numbers that move: overrides proposed from a file in an officer's name, reassignments reported in a carrier's."""

import pytest

from ledger.canonical import hash_canonical
from tests.support.operator import WHY, Operator

OVERRIDES = (
    "number,holder,reason,brand,valid_from\n"
    "0890 1111 0001,xlsmart,The carrier says so.,axis,\n"
    "12,xlsmart,No number.,,\n"
    "0892 1111 0003,xlsmart,It is theirs already.,axis,\n"
)
COMPLAINTS = (
    "reference,number,medium,category,narrative\n"
    "A-1,0890 1111 0001,SMS,FRAUD,He asked for a fee.\n"
    "A-2,0892 2222 0002,SMS,FRAUD,He asked for a fee.\n"
    "A-3,0892 1111 0003,SMS,FRAUD,He asked for a fee.\n"
)


@pytest.fixture
def complained(admitted: Operator) -> Operator:
    file = admitted.write("complaints.csv", COMPLAINTS)
    admitted.run("import", "complaints", file, "--format", "csv", "--source", "polri")
    return admitted


@pytest.fixture
def managed(admitted: Operator) -> Operator:
    add = ("officer", "add", *WHY, "cici", "--office", "desk", "--name", "Cici", "--password-file", "-")
    admitted.run(*add, "--scope", "numbers:manage", stdin="correct horse battery\n")
    return admitted


class TestOverrides:
    def test_are_proposed_row_by_row_and_listed_with_the_hash_to_approve(self, managed: Operator) -> None:
        file = managed.write("overrides.csv", OVERRIDES)
        told = managed.run("numbering", "propose", file, "--officer", "cici", "--json", status=1)
        assert [item["e164"] for item in told.json["proposed"]] == ["+6289011110001"]
        assert told.json["blankRowsPassedOver"] == 0
        assert [(item["line"], item["problem"]["code"]) for item in told.json["refused"]] == [
            (3, "NUMBER_INVALID"), (4, "OVERRIDE_CHANGES_NOTHING"),
        ]  # fmt: skip
        (listed,) = managed.run("numbering", "proposals", "--state", "proposed", "--json").json
        assert listed["proposal"]["state"] == "PROPOSED"
        shown = "".join(managed.run("numbering", "proposals").out.split())
        assert hash_canonical(listed["content"])[:16] in shown
        assert managed.run("numbering", "proposals", "--state", "approved", "--json").json == []

    def test_are_proposed_by_those_alone_who_manage_numbers(self, admitted: Operator) -> None:
        add = ("officer", "add", *WHY, "dina", "--office", "desk", "--name", "Dina", "--password-file", "-")
        admitted.run(*add, "--scope", "orders:draft", stdin="correct horse battery\n")
        file = admitted.write("overrides.csv", OVERRIDES)
        ended = admitted.run("numbering", "propose", file, "--officer", "dina", status=1)
        assert ended.code == "OFFICER_INACTIVE"

    def test_of_a_file_that_breaks_off_or_names_a_stranger_are_none(self, managed: Operator) -> None:
        broken = managed.write("broken.csv", "number,holder,reason,valid_from\n0890 1111 0001,xlsmart,So.,yesterday\n")
        ended = managed.run("numbering", "propose", broken, "--officer", "cici", status=1)
        assert ended.code == "OVERRIDE_FILE_INVALID"
        assert "Line 2, valid_from" in ended.err
        strange = managed.write("strange.csv", OVERRIDES + "0890 1111 0004,nobody,So.,,\n")
        assert managed.run("numbering", "propose", strange, "--officer", "cici", status=1).code == "NAME_UNKNOWN"
        assert managed.run("numbering", "proposals", "--json").json == []

    def test_are_not_loaded_as_ranges(self, managed: Operator) -> None:
        plan = "prefix,kind,holder,holder_name,brand,valid_from,valid_until\n+6289011110001,mobile,xlsmart,,,,\n"
        ended = managed.run("numbering", "load", managed.write("plan.csv", plan), status=1)
        assert ended.code == "RANGE_INVALID"
        assert "override" in ended.err


class TestReassignments:
    def test_are_reported_in_the_carriers_name_and_once(self, complained: Operator) -> None:
        now = complained.now.isoformat()
        rows = f"number,reassigned_at\n0890 1111 0001,{now}\n0892 2222 0002,{now}\n"
        file = complained.write("numbers.csv", rows)
        command = ("reassignments", "report", file, "--carrier", "telkomsel", "--json")
        told = complained.run(*command, status=1).json
        assert [item["report"]["e164"] for item in told["reported"]] == ["+6289011110001"]
        assert [(item["line"], item["problem"]["code"]) for item in told["refused"]] == [(3, "NOT_FOUND")]
        assert complained.run(*command, status=1).json["reported"][0]["wasKnown"]
        (listed,) = complained.run("reassignments", "list", "--carrier", "telkomsel", "--json").json
        assert (listed["e164"], listed["state"]) == ("+6289011110001", "REPORTED")
        assert "+6289011110001" in complained.run("reassignments", "list", "--carrier", "telkomsel").out
        assert complained.run("reassignments", "list", "--carrier", "xlsmart", "--json").json == []

    def test_of_a_brand_are_of_that_brand_alone(self, complained: Operator) -> None:
        now = complained.now.isoformat()
        rows = f"number,reassigned_at\n0892 2222 0002,{now}\n0892 1111 0003,{now}\n"
        command = ("reassignments", "report", complained.write("numbers.csv", rows), "--carrier", "xlsmart")
        told = complained.run(*command, "--brand", "axis", "--json", status=1).json
        assert [item["report"]["e164"] for item in told["reported"]] == ["+6289211110003"]
        assert [item["line"] for item in told["refused"]] == [2]

    def test_of_a_file_that_breaks_off_are_none(self, complained: Operator) -> None:
        file = complained.write("broken.csv", "number,reassigned_at\n0890 1111 0001,2026-01-01T00:00:00\n")
        ended = complained.run("reassignments", "report", file, "--carrier", "telkomsel", status=1)
        assert ended.code == "REASSIGNMENT_FILE_INVALID"
        assert "Line 2, reassigned_at" in ended.err
