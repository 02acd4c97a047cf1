"""What `jembatan audit verify` says: GOOD of the whole log, CUT of a part, TAMPERED, or RESTORED from a backup."""

from typing import TYPE_CHECKING, Any

from cli.audit.rows import describe_row_finding, render_rows
from cli.printing import note, print_json, print_record

if TYPE_CHECKING:
    from ledger.feed.row_comparison import RowAccount
    from ledger.feed.verification import Account


def tell_account(account: "Account", rows: "RowAccount | None" = None, *, as_json: bool) -> None:
    """Print the verdict with what was counted; a person also reads on stderr what is wrong or not in the file."""
    header, finding = account.header, account.finding
    row_finding = rows.finding if rows is not None else None
    told: dict[str, Any] = {
        "result": name_result(account) if row_finding is None else "TAMPERED",
        "origin": header.origin,
        "first": header.after + 1,
        "last": header.until,
        "signedSize": account.signed_size,
        "entries": account.entries,
        "withContent": account.with_content,
        "erased": account.erased,
        "erasuresToldLater": account.erasures_untold,
        "archived": account.archived,
        "checkpoints": account.checkpoints,
        "checkpointsOfUnknownKeys": account.checkpoints_of_unknown_keys,
        "keptCheckpoints": account.kept_checkpoints,
        "root": account.root.hex(),
        "keys": account.verified_by,
        "keyFromExport": account.is_key_from_export,
        "exportedAt": header.exported_at,
    }
    told |= render_rows(rows)
    if as_json:
        found = {"cut": list_cuts(account), "finding": finding, "rowFinding": row_finding}
        print_json(told | {"witnesses": account.witnesses} | found)
        return
    print_record(told)
    for witness in account.witnesses:
        if witness.cosigned_at is not None:
            note(f"{witness.key} cosigned {witness.tree_size} entries at {witness.cosigned_at.isoformat()}.")
    if finding is not None:
        where = f"position {finding.first}" if finding.first == finding.last else f"{finding.first} to {finding.last}"
        note(f"{finding.tampering}: {where}: {finding.detail}.")
        return
    if row_finding is not None:
        note(describe_row_finding(row_finding))
    for cut in list_cuts(account):
        note(f"CUT: {cut}.")


def name_result(account: "Account") -> str:
    """Return the verdict in one word."""
    from ledger.feed.findings import Tampering

    if account.finding is not None:
        return "RESTORED" if account.finding.tampering is Tampering.RESTORED else "TAMPERED"
    return "CUT" if account.is_cut else "GOOD"


def list_cuts(account: "Account") -> list[str]:
    """Return what the log has and the file has not, in words."""
    header = account.header
    cuts = []
    if header.after:
        cuts.append(f"entries 1 to {header.after} are not in this file")
    if header.until < account.signed_size:
        cuts.append(f"entries {header.until + 1} to {account.signed_size}, which are signed, are not in this file")
    if account.erasures_untold:
        cuts.append(f"the records of {account.erasures_untold} erasures, if there are any, are not in this file")
    return cuts
