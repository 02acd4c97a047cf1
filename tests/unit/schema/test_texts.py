import pytest

from ledger.errors import TextInvalidError
from schema.complaints.types import ComplaintFilter
from schema.texts import check_storable


class TestCheckStorable:
    @pytest.mark.parametrize("value", ["a\0b", "\ud800", ["fine", "\udfff"], ComplaintFilter(complainant_ref="\0")])
    def test_refuses_what_no_database_holds_wherever_it_stands(self, value):
        with pytest.raises(TextInvalidError):
            check_storable(value, field="filter")

    @pytest.mark.parametrize("value", ["", "biasa", "\U0001f600", 7, None, ["a"], ComplaintFilter()])
    def test_takes_everything_else(self, value):
        check_storable(value, field="filter")

    def test_names_the_field_at_fault(self):
        with pytest.raises(TextInvalidError) as refusal:
            check_storable(ComplaintFilter(complainant_ref="\0"), field="filter")
        assert refusal.value.field == "complainantRef"
