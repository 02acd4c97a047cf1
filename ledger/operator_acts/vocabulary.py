"""The closed list of operators' acts. Pure: it may be imported from anywhere in the ledger."""

from ledger.closed_lists import ClosedList


class Act(ClosedList, graph_name="OperatorActKind"):
    """What an operator can do on the command line that the log tells of."""

    MEMBER_ADMITTED = "MEMBER_ADMITTED", "Admitted a member."
    BRAND_ADDED = "BRAND_ADDED", "Added a brand to a member."
    OFFICE_ADDED = "OFFICE_ADDED", "Added an office to a member."
    OFFICER_ADDED = "OFFICER_ADDED", "Added an officer with a login."
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
    KEYS_ROTATED = "KEYS_ROTATED", "Re-encrypted stored data under another key."
    SIGNING_KEY_ROTATED = "SIGNING_KEY_ROTATED", "Replaced the key that signs tokens."


REASON_NEEDED = frozenset(Act) - {
    Act.MEMBER_ADMITTED,
    Act.BRAND_ADDED,
    Act.OFFICE_ADDED,
    Act.NUMBERING_LOADED,
    Act.KEYS_ROTATED,
    Act.SIGNING_KEY_ROTATED,
}
"""The acts that give, take or change somebody's access: none of them without a reason."""
