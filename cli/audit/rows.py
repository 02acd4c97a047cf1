"""What `jembatan audit verify --database` tells of the rows that it compared with the log."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.feed.replay import RowFinding
    from ledger.feed.row_comparison import RowAccount


def render_rows(rows: "RowAccount | None") -> dict[str, Any]:
    """Return the counts by their names in the output; none if no rows were compared."""
    if rows is None:
        return {}
    return {
        "rowsCompared": rows.compared,
        "rowsChangedSince": rows.changed_since,
        "rowsErased": rows.erased,
        "rowsUncommitted": rows.uncommitted,
    }


def describe_row_finding(finding: "RowFinding") -> str:
    """Return the difference in one line: where it is, the entry that tells of the row, and both states."""
    where = f"{finding.table} {finding.key}" if finding.table is not None else finding.key
    entry = f", position {finding.position}" if finding.position is not None else ""
    states = ""
    if finding.logged_state != finding.stored_state:
        states = f" The log says {finding.logged_state or 'no state'}, the row {finding.stored_state or 'no state'}."
    return f"{finding.difference}: {where}{entry}: {finding.detail}.{states}"
