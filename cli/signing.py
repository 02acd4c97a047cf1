"""`jembatan sign`: a signatory of either side reads what is to be signed, and signs it by its hash, on a terminal.

It is a client of the graph and needs no database: the token is the officer's own, with the second factor that it took.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cli.failures import CommandError
from cli.printing import JsonFlag, note, print_json, print_record, print_result, print_title

_READ = """query ($id: ID!) {
  viewer { memberKind }
  participationProposal(id: $id) { id state contentText terms { contentText } }
}"""
_SIGN = {
    "OTT_PROVIDER": """mutation ($id: ID!, $hash: String!) { signed: acceptParticipation(
  input: {proposalId: $id, contentHash: $hash}) { proposal { id state contentHash } } }""",
    "REGULATOR": """mutation ($id: ID!, $hash: String!) { signed: countersignParticipation(
  input: {proposalId: $id, contentHash: $hash}) { proposal { id state contentHash } } }""",
}


class SigningError(CommandError):
    """Nothing was signed."""

    code = "TERMS_HASH_MISMATCH"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        """Use the gateway's own code where it refused."""
        super().__init__(message, hint=hint)
        self.code = code or type(self).code  # type: ignore[misc]  # the gateway's codes are as stable as ours


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSign:
    """What was read: what is signed, and the version of the terms that it names, both as they are hashed."""

    proposal_id: str
    side: str
    state: str
    content_text: str
    terms_text: str

    @property
    def content_hash(self) -> str:
        """The SHA-256 of what is signed, in hexadecimal."""
        return _hash(self.content_text)


def sign(
    *,
    proposal: Annotated[str, typer.Argument(metavar="PROPOSAL", help="The proposal's id.")],
    url: Annotated[str, typer.Option(help="The gateway's address, such as https://graph.example.id.")],
    content_hash: Annotated[
        str | None, typer.Option("--hash", help="Sign it, if this is the hash of what you read. Unset: only read it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the terms and what is agreed under them, with the hash to sign; with --hash, sign exactly that.

    JEMBATAN_TOKEN contains the officer's own token: of the provider's signatory (participations:accept), or of an
    officer of the regulator (participations:manage), who countersigns what the signatory signed.
    """
    import asyncio

    from cli.follow.client_tokens import read_login
    from cli.follow.commands import check_url
    from cli.follow.graph_client import GraphClient
    from cli.follow.socket import StreamEndedError

    base_url = check_url(url)
    client = GraphClient(url=base_url, tokens=read_login(base_url, os.environ, private_key=None))

    async def work() -> tuple[ToSign, Mapping[str, Any] | None]:
        read = _check(await client.ask(_READ, id=proposal))
        if content_hash is None:
            return read, None
        if read.content_hash != content_hash.strip().lower():
            hint = "Read it again without --hash."
            raise SigningError("That is not the hash of what is to be signed.", hint=hint)
        answer = await client.ask(_SIGN[read.side], id=read.proposal_id, hash=read.content_hash)
        return read, answer["signed"]["proposal"]

    try:
        read, signed = asyncio.run(work())
    except StreamEndedError as ended:
        raise SigningError(ended.message, hint=ended.hint, code=ended.problem) from ended
    if signed is not None:
        print_result(signed, as_json=as_json)
    elif as_json:
        texts = {"contentText": read.content_text, "termsText": read.terms_text}
        print_json({"proposalId": read.proposal_id, "contentHash": read.content_hash, **texts})
    else:
        _show(read)


def _check(answer: Mapping[str, Any]) -> ToSign:
    """What is to be signed, if what is shown is what is hashed. Errors: SigningError."""
    kind, found = answer["viewer"]["memberKind"], answer["participationProposal"]
    if kind not in _SIGN:
        raise SigningError("Only a provider and the regulator sign.", code="FORBIDDEN")
    read = ToSign(
        proposal_id=found["id"],
        side=kind,
        state=found["state"],
        content_text=found["contentText"],
        terms_text=found["terms"]["contentText"],
    )
    # The gateway's own hashes aren't asked for: what counts is what is read here.
    if json.loads(read.content_text).get("termsHash") != _hash(read.terms_text):
        raise SigningError("The terms that were sent are not those that the proposal names.")
    return read


def _show(read: ToSign) -> None:
    """Print the terms in each language, then what is agreed under them, from the very texts that are hashed."""
    for text in json.loads(read.terms_text)["texts"]:
        print_title(f"The terms ({text['language']})")
        sys.stdout.write(f"{text['text']}\n")
    print_title("What is agreed under them")
    print_record(json.loads(read.content_text))
    print_title("To sign")
    print_record({"state": read.state, "hash": read.content_hash})
    note("Nothing is signed. Run the same command with --hash and this hash to sign it.")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
