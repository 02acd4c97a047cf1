"""Verification of access tokens that are bound to a key, at the graph's endpoint.

A bound token is accepted only with a proof of its key for the same request. Sent as a bearer token it is refused
(verification.py), and so is an unbound token sent with a proof, since the binding could have been stripped.

Source: RFC 9449 section 7.
"""

from collections.abc import Sequence
from datetime import datetime

from auth.settings import AuthSettings
from auth.tokens.dpop import ProofFault, issue_nonce, use_statement, verify_proof
from auth.tokens.verification import Failure, Refusal, TokenVerifier, Verdict
from ledger.storage.database import Database
from ledger.storage.roles import Role

_REFUSALS = {ProofFault.INVALID: Refusal.PROOF_INVALID, ProofFault.NONCE: Refusal.PROOF_NONCE}


class BoundTokenVerifier:
    """Verifies tokens under the DPoP scheme. One per process."""

    def __init__(self, database: Database, tokens: TokenVerifier, settings: AuthSettings) -> None:
        """Take the verifier of bearer tokens, which remembers tokens; proofs are never remembered."""
        self._database = database
        self._tokens = tokens
        self._settings = settings

    async def verify(self, token: str, *, proofs: Sequence[str], method: str, uri: str, as_of: datetime) -> Verdict:
        """Return the verdict on a token with a proof, which must be of its key, for this request, and unused.

        Shapes: proofs holds every DPoP header of the request.
        Errors: DatabaseUnavailableError.
        """
        if len(proofs) != 1:
            return Failure(Refusal.PROOF_INVALID)
        proof = verify_proof(
            proofs[0],
            method=method,
            uri=uri,
            access_token=token,
            keyring=self._database.keyring,
            settings=self._settings,
            as_of=as_of,
        )
        if isinstance(proof, ProofFault):
            return Failure(_REFUSALS[proof])
        verdict = await self._tokens.judge(token, as_of)
        if isinstance(verdict, Failure):
            return verdict
        if verdict.principal.key_thumbprint != proof.key_thumbprint:
            return Failure(Refusal.PROOF_INVALID)
        # Last, so that only the holder of a valid token makes us write.
        async with self._database.system(Role.AUTH, as_of=as_of) as tx:
            is_new = (await tx.execute(use_statement(proof))).first() is not None
        return verdict if is_new else Failure(Refusal.PROOF_INVALID)

    def issue_nonce(self, as_of: datetime) -> str:
        """Return the nonce for a client's next proof."""
        return issue_nonce(self._database.keyring, as_of=as_of)
