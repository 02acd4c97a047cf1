"""Which rows of each table a viewer's role may read and write, said again beside what the tables declare.

A table that stands in no line of a role is closed to it. Conditions are SQL, with the ids of the viewer as {me} and
{brand}.
"""

from ledger.storage.roles import Role

REGULATORS = frozenset(
    {
        "members", "brands", "offices", "officers", "numbering_ranges", "number_overrides", "phone_numbers",
        "number_epochs", "complaints", "evidence", "block_orders", "block_order_versions", "order_complaints",
        "order_acknowledgements", "order_extensions", "order_proposals", "forwarding_runs", "forwarding_items",
        "forwarding_offers",
        "events", "token_events",
        "participations", "signal_keys", "fraud_signals", "signal_recipients", "signal_disclosures",
        "signal_contributions", "signal_revocation_notices", "complainant_reveals", "feed", "feed_head", "feed_nodes",
        "feed_checkpoints", "feed_keys", "legal_holds", "number_override_proposals", "reassignment_reports",
        "feed_witnesses", "feed_cosignatures", "log_restorations",
        "access_records", "access_seals", "operator_acts", "scheduled_forwarding", "outages", "outage_extensions",
        "job_outcomes", "order_counts", "order_days", "order_dues", "complaint_counts", "complaint_days",
        "complaint_dues", "tally_recounts", "accounts", "member_platforms",
        "participation_terms", "participation_terms_texts", "participation_proposals",
        "referrals", "referral_complaints", "referral_responses", "referral_transfers",
        "evidence_chunks", "complaint_notes", "evidence_extracts", "extract_releases",
    }
)  # fmt: skip
TAKES_PART = (
    "EXISTS (SELECT 1 FROM participations p WHERE p.member_id = {me} AND p.began_at <= now() AND p.ended_at IS NULL)"
)
# Hashes are everybody's, since proofs are made of them.
_PUBLIC = (
    "feed", "feed_head", "feed_nodes", "feed_checkpoints", "feed_keys", "feed_witnesses", "feed_cosignatures",
    "log_restorations", "outages",
)  # fmt: skip
OF_CHANGES = {"table_changes": "audience IS NULL OR audience = {me}"}
OF_THE_FEED = dict.fromkeys(_PUBLIC, "true") | {"feed_recipients": "member_id = {me}"} | OF_CHANGES
OF_ITS_PEOPLE = dict.fromkeys(("offices", "officers"), "member_id = {me}")
OF_THE_TERMS = dict.fromkeys(("participation_terms", "participation_terms_texts"), "true")
RELEASED = "id IN (SELECT extract_id FROM extract_releases WHERE member_id = {me} AND withdrawn_at IS NULL)"
OWN = {
    Role.AGENCY: OF_THE_FEED
    | OF_ITS_PEOPLE
    | {
        "complaints": "source_id = {me}",
        "complaint_counts": "source_id = {me}",
        "complaint_days": "source_id = {me}",
        "complaint_dues": "source_id = {me}",
        "complainants": "source_id = {me}",
        "evidence": "source_id = {me}",
        "accounts": "id IN (SELECT account_id FROM complaints WHERE source_id = {me})",
        "evidence_contents": "member_id = {me}",
        "evidence_chunks": "member_id = {me}",
        "events": "audience @> ARRAY[{me}]",
        "phone_numbers": "e164 IN (SELECT e164 FROM complaints WHERE source_id = {me})",
        "members": "id = {me} OR kind = 'REGULATOR'",
        "signal_contributions": "member_id = {me}",
    },
    Role.CARRIER: OF_THE_FEED
    | OF_ITS_PEOPLE
    | {
        "members": "id = {me} OR kind = 'REGULATOR'",
        "brands": "member_id = {me}",
        "numbering_ranges": "holder_id = {me}",
        "number_overrides": "holder_id = {me}",
        "phone_numbers": "holder_id = {me}",
        "block_orders": "carrier_id = {me} AND issued_at IS NOT NULL",
        "order_counts": "carrier_id = {me} AND state NOT IN ('DRAFT', 'DISCARDED')",
        "order_days": "carrier_id = {me}",
        "order_dues": "carrier_id = {me}",
        "block_order_versions": "carrier_id = {me}",
        "order_acknowledgements": "carrier_id = {me}",
        "order_extensions": "carrier_id = {me}",
        "outage_extensions": "carrier_id = {me}",
        "reassignment_reports": "carrier_id = {me}",
        "extract_releases": "member_id = {me}",
        "evidence_extracts": RELEASED,
        "evidence_chunks": f"content_id IN (SELECT content_id FROM evidence_extracts WHERE {RELEASED})",
        "events": "audience @> ARRAY[{me}]",
        "fraud_signals": "holder_id = {me}",
        "signal_contributions": "member_id = {me}",
    },
    Role.PROVIDER: OF_THE_FEED
    | OF_ITS_PEOPLE
    | OF_THE_TERMS
    | {
        "participation_proposals": "member_id = {me}",
        "members": "id = {me} OR kind = 'REGULATOR'",
        "brands": "member_id = {me}",
        "events": f"audience @> ARRAY[{{me}}] AND (subject <> 'FRAUD_SIGNAL' OR {TAKES_PART})",
        "participations": "member_id = {me}",
        "extract_releases": "member_id = {me}",
        "evidence_extracts": RELEASED,
        "evidence_chunks": f"content_id IN (SELECT content_id FROM evidence_extracts WHERE {RELEASED})",
        "signal_keys": "member_id = {me}",
        "accounts": f"{TAKES_PART} AND id IN (SELECT account_id FROM referrals WHERE provider_id = {{me}})",
        "member_platforms": "member_id = {me}",
        "referrals": f"provider_id = {{me}} AND {TAKES_PART}",
        "referral_responses": f"provider_id = {{me}} AND {TAKES_PART}",
        "fraud_signals": f"{TAKES_PART} AND id IN (SELECT signal_id FROM signal_recipients WHERE member_id = {{me}})",
        "signal_recipients": f"member_id = {{me}} AND {TAKES_PART}",
        "signal_disclosures": (
            "member_id = {me} AND category = ANY ((SELECT p.categories FROM participations p "
            "WHERE p.member_id = {me} AND p.ended_at IS NULL AND p.disclosure = 'CLEAR')::text[])"
        ),
        "signal_contributions": "member_id = {me}",
        "signal_revocation_notices": "member_id = {me}",
    },
    Role.REGULATOR: dict.fromkeys(REGULATORS, "true") | OF_CHANGES | {"evidence_contents": "member_id = {me}"},
}
OF_ITS_ORDERS = "order_id IN (SELECT id FROM block_orders WHERE carrier_id = {me} AND brand_id = {brand})"
OF_A_BRAND = {
    "numbering_ranges": "holder_id = {me} AND brand_id = {brand}",
    "number_overrides": "holder_id = {me} AND brand_id = {brand}",
    "phone_numbers": "holder_id = {me} AND brand_id = {brand}",
    "block_orders": "carrier_id = {me} AND issued_at IS NOT NULL AND brand_id = {brand}",
    "order_counts": "carrier_id = {me} AND state NOT IN ('DRAFT', 'DISCARDED') AND brand_id = {brand}",
    "order_days": "carrier_id = {me} AND brand_id = {brand}",
    "order_dues": "carrier_id = {me} AND brand_id = {brand}",
    "block_order_versions": OF_ITS_ORDERS,
    "order_acknowledgements": OF_ITS_ORDERS,
    "order_extensions": OF_ITS_ORDERS,
    "outage_extensions": OF_ITS_ORDERS,
    "reassignment_reports": "carrier_id = {me} AND brand_id = {brand}",
    "fraud_signals": "holder_id = {me} AND brand_id = {brand}",
    "events": "audience @> ARRAY[{me}] AND brand_id = {brand}",
    "feed_recipients": "member_id = {me} AND brand_id = {brand}",
}
"""What a client that is narrowed to a brand sees of each table; of those that are not listed, all that its carrier may.

The others are its member and its brands, its own contributions of any number, and the feed's hashes.
"""
INSERTABLE = {
    Role.AGENCY: {"complaints", "complainants", "evidence", "evidence_contents"},
    Role.REGULATOR: {"complaints", "complainants", "evidence", "evidence_contents"},
    Role.CARRIER: {"order_acknowledgements", "order_extensions", "reassignment_reports"},
    Role.PROVIDER: {"referral_responses"},
}
