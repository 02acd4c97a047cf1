"""The manifest of a run as the text that an approver reads, and whose hash the approver names."""

from collections.abc import Sequence
from dataclasses import asdict

from ledger.canonical import render_canonical
from ledger.forwarding.table import ForwardingItem


def render_manifest(items: Sequence[ForwardingItem]) -> str:
    """Return the canonical text of a manifest's items, in order; its SHA-256 is the manifest's hash."""
    return render_canonical({"items": [asdict(item) for item in items]})
