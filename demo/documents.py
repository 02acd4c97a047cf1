"""The GraphQL operations of the demo, as a party's own system would keep them."""

FILE_COMPLAINTS = """
mutation File($complaints: [ComplaintInput!]!) {
  fileComplaints(input: {complaints: $complaints}) {
    problemCount
    results { wasKnown complaint { id ticketNo sourceReference state } problem { code message } }
  }
}"""

COMPLAINTS_TO_VERIFY = """
query ToVerify {
  complaints(sort: VERIFICATION_DUE, filter: {states: [SUBMITTED]}, first: 50) {
    totalCount
    nodes { id ticketNo sourceReference category number { e164 holderStatus protectedReason } verificationDueAt }
  }
}"""

DECIDE_COMPLAINTS = """
mutation Decide($decisions: [ComplaintDecisionInput!]!) {
  decideComplaints(input: {decisions: $decisions}) { problemCount results { complaint { id state } problem { code } } }
}"""

FORWARD = """
mutation Forward($input: ForwardComplaintsInput!) {
  forwardComplaints(input: $input) {
    run {
      id manifestHash canonicalText complaintCount state
      items(first: 50) {
        nodes {
          place e164 result complaintCount complainantCount holdReasons carrier { slug } blockOrder { id orderNo }
          account { platform handle } provider { slug }
        }
      }
    }
  }
}"""

APPROVE_FORWARDING = """
mutation Approve($input: ApproveForwardingInput!) {
  approveForwarding(input: $input) {
    problemCount run { state approvedCount } results { blockOrder { id orderNo state dueAt } problem { code } }
    referralResults { referral { id referralNo state account { handle } } problem { code } }
  }
}"""

MY_ORDERS = """
query MyOrders($filter: BlockOrderFilter) {
  blockOrders(filter: $filter, sort: DUE_SOONEST, first: 50) {
    nodes {
      id orderNo version e164 category scope summary complaintCount state dueAt isOverdue wasLate liftNo
      brand { slug } carrier { slug }
    }
  }
}"""

ONE_ORDER = "query OneOrder($id: ID!) { blockOrder(id: $id) { id orderNo state } }"

ACKNOWLEDGE = """
mutation Acknowledge($items: [AcknowledgementInput!]!) {
  acknowledgeBlockOrders(input: {acknowledgements: $items}) {
    problemCount
    results {
      wasKnown problem { code message }
      acknowledgement { kind reference isLate hasMovedState }
      blockOrder { id orderNo state wasLate }
    }
  }
}"""

PROPOSE_OVERRIDE = """
mutation Propose($overrides: [NumberOverrideInput!]!) {
  proposeNumberOverrides(input: {overrides: $overrides}) {
    results { proposal { id content contentHash number { holder { slug } } } problem { code message } }
  }
}"""

APPROVE_OVERRIDE = """
mutation ApproveOverride($approvals: [NumberOverrideApprovalInput!]!) {
  approveNumberOverrides(input: {approvals: $approvals}) {
    results { proposal { id state number { holder { slug } } } problem { code message } }
  }
}"""

WRONG_HOLDERS = """
query WrongHolders {
  blockOrders(first: 10, filter: {states: [IMPOSSIBLE], impossibleReasons: [WRONG_RANGE_HOLDER]}) {
    nodes { id orderNo e164 }
  }
}"""

DRAFT_ORDERS = """
mutation Draft($drafts: [BlockOrderDraftInput!]!) {
  draftBlockOrders(input: {drafts: $drafts}) { results { blockOrder { id orderNo state } problem { code message } } }
}"""

REVISE_ORDERS = """
mutation Revise($revisions: [BlockOrderRevisionInput!]!) {
  reviseBlockOrders(input: {revisions: $revisions}) { results { blockOrder { id orderNo scope } problem { code } } }
}"""

CONTENT = """
query Content($id: ID!) {
  blockOrder(id: $id) { contentText contentHash proposal { kind version contentText contentHash } }
}"""

APPROVE_ORDERS = """
mutation ApproveOrders($approvals: [BlockOrderApprovalInput!]!) {
  approveBlockOrders(input: {approvals: $approvals}) {
    results {
      blockOrder { id orderNo liftNo state dueAt carrier { slug } supersedes { orderNo state } }
      problem { code message }
    }
  }
}"""

WITHDRAW_ORDERS = """
mutation Withdraw($orders: [BlockOrderNoteInput!]!) {
  withdrawBlockOrders(input: {orders: $orders}) { results { blockOrder { id orderNo state } problem { code message } } }
}"""

DRAFT_LIFTS = """
mutation DraftLifts($lifts: [BlockOrderLiftInput!]!) {
  draftLifts(input: {lifts: $lifts}) { results { blockOrder { id orderNo state } problem { code message } } }
}"""

OUTCOMES = """
query Outcomes {
  complaints(first: 50, sort: FILED_NEWEST) {
    nodes { id ticketNo sourceReference state outcome rejectionReason resolvedAt complainantInformedAt }
  }
}"""

RECORD_INFORMED = """
mutation Informed($ids: [ID!]!) {
  recordComplainantsInformed(input: {complaintIds: $ids}) { problemCount results { problem { code } } }
}"""

WHOLE_PICTURE = """
query Shared($e164: E164!) {
  viewer { memberKind }
  number(e164: $e164) { e164 risk status holderStatus verifiedComplaintCount holder { slug } }
  blockOrders(filter: {number: $e164}, first: 10) { nodes { orderNo state summary } }
  complaints(filter: {number: $e164}, first: 10) { nodes { ticketNo state outcome } }
}"""

OFFER_REFERRALS = """
mutation Offer($offers: [ReferralOfferInput!]!) {
  offerReferrals(input: {offers: $offers}) {
    problemCount results { referral { id referralNo state replyHopedBy } problem { code message } }
  }
}"""

MY_REFERRALS = """
query MyReferrals($states: [ReferralState!]) {
  referrals(filter: {states: $states}, first: 50) {
    nodes {
      id referralNo state category incidentOn summary complaintCount replyHopedBy action declineReason
      account { platform handle url }
    }
  }
}"""

ONE_REFERRAL = "query OneReferral($id: ID!) { referral(id: $id) { id referralNo state } }"

RESPOND = """
mutation Respond($responses: [ReferralResponseInput!]!) {
  respondToReferrals(input: {responses: $responses}) {
    problemCount
    results { wasKnown problem { code message } response { kind reference } referral { id referralNo state } }
  }
}"""

BOTH_INSTRUMENTS = """
query BothInstruments($e164: E164!) {
  blockRequests(filter: {number: $e164}, first: 1) {
    nodes { e164 status accountStanding gap blockOrders { orderNo state } referrals { referralNo state } }
  }
}"""

SEEN_OF_BOTH = """
query SeenOfBoth($e164: E164!) {
  blockOrders(filter: {number: $e164}, first: 10) { nodes { state } }
  referrals(filter: {number: $e164}, first: 10) { nodes { state } }
  complaints(filter: {number: $e164}, first: 10) { nodes { outcome } }
}"""

START_PARTICIPATION = """
mutation Start($input: StartParticipationInput!) {
  startParticipation(input: $input) { participation { id state agreedOn termsReference } }
}"""

PUBLISH_TERMS = """
mutation Publish($texts: [ParticipationTermsTextInput!]!) {
  publishParticipationTerms(input: {texts: $texts}) { terms { id version termsHash } }
}"""

OFFER_PARTICIPATION = """
mutation Offer($input: OfferParticipationInput!) {
  offerParticipation(input: $input) { proposal { id state contentHash } }
}"""

PROPOSALS = """
query Proposals {
  participationProposals(filter: {states: [OFFERED, ACCEPTED]}) {
    nodes { id state contentText contentHash terms { version texts { language text } } }
  }
}"""

ACCEPT_PARTICIPATION = """
mutation Accept($input: AcceptParticipationInput!) {
  acceptParticipation(input: $input) { proposal { id state acceptedAt } }
}"""

LEAVE_PARTICIPATION = """
mutation Leave { leaveParticipation(input: {}) { participation { id endedReason endedAt } } }"""

AWAITING_DELETION = """
query AwaitingDeletion { participations(awaitsDeletion: true) { nodes { id deletionExpectedBy member { slug } } } }"""

CONFIRM_DELETION = """
mutation Confirm($input: ConfirmDeletionInput!) {
  confirmDeletion(input: $input) { participation { id deletionConfirmedAt } }
}"""

COUNTERSIGN_PARTICIPATION = """
mutation Countersign($input: CountersignParticipationInput!) {
  countersignParticipation(input: $input) { participation { id state agreedOn termsReference } }
}"""

SIGNAL_KEYS = "query Keys { signalKeys { id key filledAt } }"

SIGNALS = """
query Signals($filter: FraudSignalFilter) {
  fraudSignals(filter: $filter, first: 100) {
    nodes { id category risk state e164 corroborationCount hashes { keyId hash } }
  }
}"""

REVOKE_SIGNALS = """
mutation Revoke($revocations: [SignalRevocationInput!]!) {
  revokeSignals(input: {revocations: $revocations}) {
    problemCount results { signal { id state } problem { code message } }
  }
}"""

CONTRIBUTE = """
mutation Contribute($contributions: [SignalContributionInput!]!) {
  contributeSignals(input: {contributions: $contributions}) {
    problemCount results { contribution { id link account { platform handle } } problem { code message } }
  }
}"""

CONTRIBUTIONS = "query Contributed { signalContributions(first: 10) { nodes { id kind state } } }"

REPLACE_CONTRIBUTION = """
mutation Replace($replacements: [SignalContributionReplacementInput!]!) {
  replaceSignalContributions(input: {replacements: $replacements}) {
    problemCount results { contribution { id replaces { id state } } problem { code message } }
  }
}"""

WITHDRAW_CONTRIBUTION = """
mutation Withdraw($withdrawals: [SignalContributionWithdrawalInput!]!) {
  withdrawSignalContributions(input: {withdrawals: $withdrawals}) {
    problemCount results { contribution { id state } problem { code message } }
  }
}"""

NOTICES = """
query Unconfirmed {
  signalRevocationNotices(filter: {isConfirmed: false}) { nodes { signalId revokedAt member { slug } } }
}"""

CONFIRM_REVOCATIONS = """
mutation Confirm($signalIds: [ID!]!) {
  confirmRevocations(input: {signalIds: $signalIds}) {
    problemCount results { notice { confirmedAt } problem { code message } }
  }
}"""

FOLLOW_ORDERS = """
subscription Orders {
  blockRequestEvents {
    cursor event { position kind subjectId: blockOrderId orderNo state acknowledgementId blockOrder { e164 } }
  }
}"""

FOLLOW_SIGNALS = """
subscription Signals {
  fraudSignals {
    cursor event {
      position kind subjectId: signalId category risk state revokedReason signal { e164 hashes { hash } }
    }
  }
}"""

REGULATORS_FEED = """
query Feed($after: FeedCursor) {
  feed(first: 200, after: $after) { nodes { position kind subject subjectId audience { slug } } }
}"""

OWN_FEED = """
query OwnFeed($after: FeedCursor) {
  feed(first: 200, after: $after) { nodes { position kind subjectId leafHash text salt } }
}"""

CHECKPOINT = "query Checkpoint { checkpoint { treeSize rootHash note signedAt } }"

CHECKPOINT_KEYS = "query Keys { checkpointKeys { verifierKey retiredAt } }"

INCLUSION_PROOF = """
query Proof($position: Position!, $treeSize: Position!) {
  inclusionProof(position: $position, treeSize: $treeSize) { position leafHash treeSize hashes }
}"""

EVIDENCE_OF = """
query EvidenceOf($id: ID!) { complaint(id: $id) { evidence { id mediaType sha256 link { url } } } }"""

WHO_LOOKED = """
query WhoLooked($id: String!) {
  accessRecords(first: 20, filter: {subjectId: $id}) { nodes { kind operationName officer { displayName } } }
}"""

REDACT_EVIDENCE = """
mutation Redact($input: RedactEvidenceInput!) {
  redactEvidence(input: $input) { extract { id sha256 originalSha256 } }
}"""

RELEASE_EXTRACT = """
mutation Release($input: ReleaseExtractInput!) { releaseExtract(input: $input) { release { id } } }"""

WITHDRAW_EXTRACT = """
mutation Withdraw($input: WithdrawExtractInput!) { withdrawExtract(input: $input) { release { id withdrawnAt } } }"""

EXTRACTS = "query Extracts { evidenceExtracts(first: 10) { nodes { id sha256 originalSha256 link { url } } } }"

ORDERS_CALL = "{ blockOrders(first: 5) { nodes { orderNo e164 state dueAt isOverdue } } }"
"""Short enough for a shell line."""
