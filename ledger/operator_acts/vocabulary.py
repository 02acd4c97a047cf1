"""The closed list of operators' acts. Pure: it may be imported from anywhere in the ledger."""

from ledger.closed_lists import ClosedList


class Act(ClosedList, graph_name="OperatorActKind", later_values="OTHER"):
    """What an operator can do on the command line that the log tells of."""

    MEMBER_ADMITTED = "MEMBER_ADMITTED", "Admitted a member."
    BRAND_ADDED = "BRAND_ADDED", "Added a brand to a member."
    OFFICE_ADDED = "OFFICE_ADDED", "Added an office to a member."
    MEMBER_PLATFORMS_SET = "MEMBER_PLATFORMS_SET", "Recorded which platforms a messaging firm runs."
    OFFICER_ADDED = "OFFICER_ADDED", "Added an officer with a login."
    OFFICER_INVITED = "OFFICER_INVITED", "Invited an officer of a member, who then chose a login."
    OFFICER_DISABLED = "OFFICER_DISABLED", "Disabled an officer."
    PASSWORD_SET = "PASSWORD_SET", "Gave an officer's login a new password."
    SECOND_FACTOR_RESET = "SECOND_FACTOR_RESET", "Removed an officer's second factor."
    LOGIN_FORGIVEN = "LOGIN_FORGIVEN", "Forgot the wrong passwords tried for an officer's login."
    IDENTITY_LINKED = "IDENTITY_LINKED", "Linked an officer to an identity at the regulator's own provider."
    IDENTITY_UNLINKED = "IDENTITY_UNLINKED", "Unlinked an officer from such an identity."
    CLIENT_ADDED = "CLIENT_ADDED", "Registered a client."
    CLIENT_DISABLED = "CLIENT_DISABLED", "Disabled a client."
    CLIENT_SECRET_ROTATED = "CLIENT_SECRET_ROTATED", "Gave a client a new secret."
    CLIENT_KEYS_ROTATED = "CLIENT_KEYS_ROTATED", "Gave a client new public keys."
    CLIENT_POLICIES_SET = "CLIENT_POLICIES_SET", "Changed the security measures required of a client."
    NUMBERING_LOADED = "NUMBERING_LOADED", "Loaded ranges into the numbering plan."
    OVERRIDES_PROPOSED = "OVERRIDES_PROPOSED", "Proposed in an officer's name that numbers are held by other carriers."
    TERMS_PUBLISHED = "TERMS_PUBLISHED", "Published a version of the terms for providers."
    TERMS_OFFERED = "TERMS_OFFERED", "Offered a provider terms to sign."
    TERMS_WITHDRAWN = "TERMS_WITHDRAWN", "Took back terms that were offered to a provider."
    PARTICIPATION_STARTED = "PARTICIPATION_STARTED", "Let a provider participate in fraud signals."
    PARTICIPATION_ENDED = "PARTICIPATION_ENDED", "Ended a provider's participation in fraud signals."
    SIGNALS_SETTLED = "SIGNALS_SETTLED", "Derived the fraud signals of every number again."
    COMPLAINTS_IMPORTED = "COMPLAINTS_IMPORTED", "Filed complaints from a file in a member's name."
    COMPLAINTS_FORWARDED = "COMPLAINTS_FORWARDED", "Drafted block orders in an officer's name."
    ORDERS_EXPORTED = "ORDERS_EXPORTED", "Wrote a carrier's block orders to a file."
    ACKNOWLEDGEMENTS_IMPORTED = (
        "ACKNOWLEDGEMENTS_IMPORTED",
        "Recorded acknowledgements from a file in a carrier's name.",
    )
    REFERRALS_OFFERED = "REFERRALS_OFFERED", "Offered a referral in an officer's name."
    REFERRAL_RESPONSES_IMPORTED = (
        "REFERRAL_RESPONSES_IMPORTED",
        "Recorded responses to referrals from a file in a provider's name.",
    )
    REASSIGNMENTS_REPORTED = "REASSIGNMENTS_REPORTED", "Reported reassigned numbers from a file in a carrier's name."
    CHECKPOINT_KEY_ADDED = "CHECKPOINT_KEY_ADDED", "Added a key that signs checkpoints of the log."
    CHECKPOINT_KEYS_RETIRED = (
        "CHECKPOINT_KEYS_RETIRED",
        "Retired all keys but the newest that sign checkpoints of the log.",
    )
    ENTRIES_ARCHIVED = "ENTRIES_ARCHIVED", "Moved the log's oldest entries to a file."
    RESTORE_ANNOUNCED = "RESTORE_ANNOUNCED", "Announced that the log was restored from a backup."
    WITNESS_ADDED = "WITNESS_ADDED", "Registered a member's witness of the log."
    WITNESS_RETIRED = "WITNESS_RETIRED", "Retired a witness of the log."
    KEYS_ROTATED = "KEYS_ROTATED", "Re-encrypted stored data under another key."
    SIGNING_KEY_ROTATED = "SIGNING_KEY_ROTATED", "Replaced the key that signs tokens."
    OUTAGE_DECLARED = "OUTAGE_DECLARED", "Declared a time during which members could not reach the gateway."
    TALLIES_MENDED = "TALLIES_MENDED", "Corrected running counts that differed from the rows that they count."
    OTHER = "OTHER", "An act that the version of the gateway that answers does not know yet."


REASON_NEEDED = frozenset(Act) - {
    Act.OTHER,
    Act.MEMBER_ADMITTED,
    Act.BRAND_ADDED,
    Act.OFFICE_ADDED,
    Act.NUMBERING_LOADED,
    Act.OVERRIDES_PROPOSED,
    Act.SIGNALS_SETTLED,
    Act.COMPLAINTS_IMPORTED,
    Act.COMPLAINTS_FORWARDED,
    Act.ORDERS_EXPORTED,
    Act.ACKNOWLEDGEMENTS_IMPORTED,
    Act.REFERRALS_OFFERED,
    Act.REFERRAL_RESPONSES_IMPORTED,
    Act.REASSIGNMENTS_REPORTED,
    Act.CHECKPOINT_KEY_ADDED,
    Act.CHECKPOINT_KEYS_RETIRED,
    Act.ENTRIES_ARCHIVED,
    Act.RESTORE_ANNOUNCED,
    Act.WITNESS_ADDED,
    Act.WITNESS_RETIRED,
    Act.KEYS_ROTATED,
    Act.SIGNING_KEY_ROTATED,
}
"""The acts that give, take or change somebody's access: none of them without a reason."""
