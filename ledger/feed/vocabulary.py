"""The closed lists of the log: kinds of events, their subjects, and the subjects of legal holds.

Pure: it may be imported from anywhere in the ledger.
"""

from ledger.closed_lists import ClosedList

_OTHER_KIND = (
    "A kind that the version of the gateway that answers does not know yet; a later version tells it by its name, "
    "which the text of its entry in the feed already has."
)


class EventKind(ClosedList, later_values="OTHER"):
    """The kinds of event."""

    COMPLAINT_FILED = "COMPLAINT_FILED", "A complaint was filed."
    COMPLAINT_DECIDED = "COMPLAINT_DECIDED", "An officer decided a complaint."
    COMPLAINT_WITHDRAWN = "COMPLAINT_WITHDRAWN", "A source withdrew its complaint."
    COMPLAINT_SUPPLEMENTED = "COMPLAINT_SUPPLEMENTED", "A source supplied the information asked for."
    COMPLAINT_ESCALATED = "COMPLAINT_ESCALATED", "A complaint became part of a block order or a referral."
    COMPLAINT_RESOLVED = "COMPLAINT_RESOLVED", "A complaint was resolved."
    COMPLAINT_RESUMED = "COMPLAINT_RESUMED", "A carrier corrected what had resolved a complaint; it is open again."
    COMPLAINT_TAKEN_BACK = "COMPLAINT_TAKEN_BACK", "An officer took back the verification of a complaint."
    COMPLAINT_RELEASED = (
        "COMPLAINT_RELEASED",
        ("A draft about a complaint was discarded; it waits for the next forwarding run again."),
    )
    COMPLAINANT_INFORMED = "COMPLAINANT_INFORMED", "The complainant was informed of the outcome."
    COMPLAINANT_REVEALED = "COMPLAINANT_REVEALED", "An officer was shown who complained, for a recorded purpose."
    COMPLAINT_NOTED = "COMPLAINT_NOTED", "An officer noted something on a complaint."
    COMPLAINT_CLAIMED = "COMPLAINT_CLAIMED", "An officer took a complaint to work on, for a time."
    COMPLAINT_UNCLAIMED = "COMPLAINT_UNCLAIMED", "An officer gave a complaint back before the time was over."
    COMPLAINT_ASSIGNED = "COMPLAINT_ASSIGNED", "A complaint was assigned to an officer, or to nobody."
    COMPLAINT_ERASED = (
        "COMPLAINT_ERASED",
        ("Retention erased a complaint's complainant, chronology, evidence and notes; the complaint remains."),
    )
    EXTRACT_ERASED = "EXTRACT_ERASED", "Retention erased an extract: delete what you keep of it."
    EXTRACT_MADE = "EXTRACT_MADE", "An officer made a redacted extract of evidence."
    EXTRACT_RELEASED = "EXTRACT_RELEASED", "An officer released an extract to a member."
    EXTRACT_WITHDRAWN = "EXTRACT_WITHDRAWN", "An officer withdrew an extract from a member."
    ORDER_DRAFTED = "ORDER_DRAFTED", "A block order was drafted."
    ORDER_RETURNED = "ORDER_RETURNED", "An approver returned a draft."
    ORDER_DISCARDED = "ORDER_DISCARDED", "A draft was discarded."
    ORDER_ISSUED = "ORDER_ISSUED", "A block order was issued."
    ORDER_COMPLAINT_JOINED = "ORDER_COMPLAINT_JOINED", "Another complaint joined an order."
    ORDER_ACKNOWLEDGED = "ORDER_ACKNOWLEDGED", "A carrier acknowledged an order."
    ORDER_WITHDRAWN = "ORDER_WITHDRAWN", "An order was withdrawn."
    ORDER_CLOSED = "ORDER_CLOSED", "An order was closed because it, or its lift, could not be executed."
    ORDER_LIFT_ISSUED = "ORDER_LIFT_ISSUED", "A lift was issued."
    ORDER_ENDED = "ORDER_ENDED", "An order ended because its number was recycled."
    ORDER_CONFIRMED = "ORDER_CONFIRMED", "Another officer confirmed what one had issued in an emergency."
    ORDER_PROPOSED = "ORDER_PROPOSED", "The next version or the lift of an order was drafted."
    ORDER_PROPOSAL_RETURNED = "ORDER_PROPOSAL_RETURNED", "An approver returned the next version or lift of an order."
    ORDER_PROPOSAL_DISCARDED = "ORDER_PROPOSAL_DISCARDED", "The next version or lift of an order was discarded."
    ORDER_DUE_EXTENDED = "ORDER_DUE_EXTENDED", "An outage of the gateway extended the due time of an order."
    EXTENSION_REQUESTED = "EXTENSION_REQUESTED", "A carrier asked for more time."
    EXTENSION_DECIDED = "EXTENSION_DECIDED", "An officer decided a request for more time."
    REFERRAL_OFFERED = "REFERRAL_OFFERED", "A referral was offered to a provider."
    REFERRAL_COMPLAINT_JOINED = "REFERRAL_COMPLAINT_JOINED", "Another complaint joined a referral."
    REFERRAL_ANSWERED = "REFERRAL_ANSWERED", "A provider said something about a referral."
    REFERRAL_LAPSED = "REFERRAL_LAPSED", "The courtesy reply date of a referral passed; it can still be answered."
    REFERRAL_WITHDRAWN = "REFERRAL_WITHDRAWN", "A referral was withdrawn."
    FORWARDING_PROPOSED = "FORWARDING_PROPOSED", "A forwarding run produced its manifest."
    FORWARDING_APPROVED = "FORWARDING_APPROVED", "An approver approved a manifest."
    FORWARDING_DISCARDED = "FORWARDING_DISCARDED", "A forwarding run was discarded."
    MEMBER_ADMITTED = "MEMBER_ADMITTED", "A member was admitted."
    MEMBER_CHANGED = "MEMBER_CHANGED", "A member, brand or office changed."
    OFFICER_CHANGED = "OFFICER_CHANGED", "An officer was added, changed or disabled."
    NUMBERING_LOADED = "NUMBERING_LOADED", "Ranges of the numbering plan changed."
    NUMBER_OVERRIDE_PROPOSED = "NUMBER_OVERRIDE_PROPOSED", "An officer proposed that another carrier holds a number."
    NUMBER_OVERRIDE_APPROVED = "NUMBER_OVERRIDE_APPROVED", "Another officer approved it; the number was moved."
    NUMBER_OVERRIDE_DISCARDED = "NUMBER_OVERRIDE_DISCARDED", "A proposal about a number's holder was discarded."
    REASSIGNMENT_REPORTED = "REASSIGNMENT_REPORTED", "A carrier reported that a number went to another subscriber."
    REASSIGNMENT_REFUSED = "REASSIGNMENT_REFUSED", "An officer refused such a report."
    NUMBER_REASSIGNED = "NUMBER_REASSIGNED", "A number went to another subscriber."
    KEYS_ROTATED = "KEYS_ROTATED", "Encrypted data was re-encrypted under a new key."
    PARTICIPATION_STARTED = "PARTICIPATION_STARTED", "A provider's participation began."
    PARTICIPATION_CHANGED = "PARTICIPATION_CHANGED", "The terms of a provider's participation changed."
    PARTICIPATION_ENDED = "PARTICIPATION_ENDED", "A provider's participation ended; its signal streams end."
    PARTICIPATION_NARROWED = "PARTICIPATION_NARROWED", "One side narrowed the terms of a participation."
    PARTICIPATION_DELETION_AWAITED = (
        "PARTICIPATION_DELETION_AWAITED",
        ("A provider that left has not yet confirmed that it deleted what it was sent: a reminder."),
    )
    PARTICIPATION_DELETION_CONFIRMED = (
        "PARTICIPATION_DELETION_CONFIRMED",
        ("A provider that left confirmed that it deleted what it was sent."),
    )
    TERMS_PUBLISHED = "TERMS_PUBLISHED", "The regulator published a version of its terms for providers."
    TERMS_PROPOSED = "TERMS_PROPOSED", "Terms were offered to a provider, or a provider signed terms that it asks for."
    TERMS_ACCEPTED = "TERMS_ACCEPTED", "A provider's signatory accepted the terms that were offered."
    TERMS_COUNTERSIGNED = "TERMS_COUNTERSIGNED", "The regulator countersigned what a provider had signed."
    TERMS_REFUSED = "TERMS_REFUSED", "The side that was to sign next refused."
    TERMS_WITHDRAWN = "TERMS_WITHDRAWN", "The side that had offered or signed last took it back."
    SIGNAL_RAISED = "SIGNAL_RAISED", "Verified complaints raised a fraud signal."
    SIGNAL_CHANGED = "SIGNAL_CHANGED", "A fraud signal's risk or validity changed."
    SIGNAL_CORROBORATED = "SIGNAL_CORROBORATED", "Another member reported the same misuse."
    SIGNAL_EXPIRED = "SIGNAL_EXPIRED", "A fraud signal is no longer valid."
    SIGNAL_REVOKED = (
        "SIGNAL_REVOKED",
        ("A fraud signal was revoked; everyone who received the signal receives this event too."),
    )
    SIGNAL_REVOCATION_CONFIRMED = "SIGNAL_REVOCATION_CONFIRMED", "A provider confirmed that it knows of a revocation."
    SIGNAL_UNCORROBORATED = "SIGNAL_UNCORROBORATED", "A member no longer stands by its report of the same misuse."
    SIGNAL_CONTRIBUTED = "SIGNAL_CONTRIBUTED", "A member contributed a signal of its own."
    SIGNAL_CONTRIBUTION_WITHDRAWN = "SIGNAL_CONTRIBUTION_WITHDRAWN", "A member withdrew what it had contributed."
    SIGNAL_CONTRIBUTION_REPLACED = "SIGNAL_CONTRIBUTION_REPLACED", "A member replaced what it had contributed."
    LEGAL_HOLD_PLACED = "LEGAL_HOLD_PLACED", "Entries were put under a legal hold."
    LEGAL_HOLD_RELEASED = "LEGAL_HOLD_RELEASED", "A legal hold was released."
    ENTRIES_ERASED = "ENTRIES_ERASED", "Retention erased the content of old entries; their hashes remain."
    ACCESSES_SEALED = "ACCESSES_SEALED", "The log committed to the records of who read what until a time."
    ACCESSES_ERASED = "ACCESSES_ERASED", "Retention erased the records of who read what until a time."
    LOGIN_ANSWERED = "LOGIN_ANSWERED", "An officer logged in, failed to, or was locked out."
    LOGIN_ENDED = "LOGIN_ENDED", "An officer logged out."
    CREDENTIAL_CHANGED = "CREDENTIAL_CHANGED", "An officer's password or second factor changed, or was used up."
    CONSENT_DECIDED = "CONSENT_DECIDED", "An officer gave, refused or took back consent to an application."
    OPERATOR_ACTED = "OPERATOR_ACTED", "An operator acted on the command line, for a recorded reason."
    ENTRIES_ARCHIVED = "ENTRIES_ARCHIVED", "Old entries were exported and removed; their hashes remain."
    LOG_RESTORED = (
        "LOG_RESTORED",
        "The operator announced that a backup was restored: what followed its last entry is lost.",
    )
    WITNESS_CHANGED = "WITNESS_CHANGED", "A witness of the log was registered, or its key was retired."
    OUTAGE_RECORDED = "OUTAGE_RECORDED", "A time was recorded during which members could not reach the gateway."
    OTHER = "OTHER", _OTHER_KIND


class Subject(ClosedList, graph_name="EventSubject", later_values="OTHER"):
    """What an event is about."""

    COMPLAINT = "COMPLAINT", "A complaint."
    BLOCK_ORDER = "BLOCK_ORDER", "A block order."
    REFERRAL = "REFERRAL", "A referral."
    FORWARDING_RUN = "FORWARDING_RUN", "A forwarding run."
    MEMBER = "MEMBER", "A member."
    OFFICER = "OFFICER", "An officer."
    NUMBER = "NUMBER", "A telephone number."
    NUMBERING_PLAN = "NUMBERING_PLAN", "The numbering plan."
    KEYRING = "KEYRING", "The keys that encrypt stored data."
    PARTICIPATION = "PARTICIPATION", "A provider's participation."
    PARTICIPATION_TERMS = "PARTICIPATION_TERMS", "A version of the regulator's terms for providers."
    PARTICIPATION_PROPOSAL = "PARTICIPATION_PROPOSAL", "Terms that a provider and the regulator sign."
    FRAUD_SIGNAL = "FRAUD_SIGNAL", "A fraud signal."
    SIGNAL_CONTRIBUTION = "SIGNAL_CONTRIBUTION", "A member's contribution to fraud signals."
    EVIDENCE_EXTRACT = "EVIDENCE_EXTRACT", "A redacted extract of evidence."
    LEGAL_HOLD = "LEGAL_HOLD", "A legal hold."
    ACCESS_RECORDS = "ACCESS_RECORDS", "The records of who read what."
    CLIENT = "CLIENT", "A client: a member's system, or an application that officers log in through."
    FEED = "FEED", "The feed itself."
    OUTAGE = "OUTAGE", "A time during which members could not reach the gateway."
    OTHER = "OTHER", "A type that the version of the gateway that answers does not know yet."


class HoldSubject(ClosedList, graph_name="LegalHoldSubject"):
    """What a legal hold can cover, apart from the whole log."""

    NUMBER = (
        "NUMBER",
        ("A telephone number, with every complaint, block order, referral and signal about it, including later ones."),
    )
    COMPLAINT = Subject.COMPLAINT
    BLOCK_ORDER = Subject.BLOCK_ORDER
    REFERRAL = Subject.REFERRAL
    FRAUD_SIGNAL = Subject.FRAUD_SIGNAL
    MEMBER = "MEMBER", "Changes to a member itself."


class WitnessChange(ClosedList):
    """What happened to a witness of the log."""

    REGISTERED = "REGISTERED", "Its key was registered."
    RETIRED = "RETIRED", "Its key was retired; what it cosigned remains valid."
