"""Re-encryption reaches every column of sealed values."""

from ledger.storage.rekeying import list_sealed_columns
from migrations.metadata import metadata


def test_no_sealed_column_is_left_out():
    listed = {sealed.name for sealed in list_sealed_columns(metadata.sorted_tables)}
    named = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    assert listed == named | {"signing_keys.private_key"}
