"""Evidence: uploaded in parts, looked at before a decision, and handed to a carrier only without the complainant."""

import base64
import hashlib
import struct
import zlib
from typing import Any

from demo.cast import TELKOMSEL
from demo.documents import (
    EVIDENCE_OF,
    EXTRACTS,
    ONE_ORDER,
    REDACT_EVIDENCE,
    RELEASE_EXTRACT,
    WHO_LOOKED,
    WITHDRAW_EXTRACT,
)
from demo.made_up import ILLUSTRATED, TELKOMSEL_NUMBER
from demo.parties import Party, Reply, expect
from demo.story import Story
from demo.telling import Told

_PART_BYTES = 65_536
_WIDTH, _HEIGHT = 320, 480
_NAME_ROWS = range(60, 100)
"""Where the picture shows a name, as a dark bar."""
_TUS = {"Tus-Resumable": "1.0.0"}
_OK, _CREATED, _NO_CONTENT, _UNAUTHORIZED, _NOT_FOUND = 200, 201, 204, 401, 404
_WHO = b"Complainant B"


def draw_screenshot() -> bytes:
    """A grey picture, as PNG, whose metadata name the complainant."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(
        b"\x00" + bytes(40 if y in _NAME_ROWS else 150 + x * y % 97 for x in range(_WIDTH)) for y in range(_HEIGHT)
    )
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)
    parts = (b"IHDR", head), (b"tEXt", b"Author\x00" + _WHO), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


async def upload(story: Story, told: Told) -> None:
    """The line breaks in between; the upload goes on where it stopped."""
    picture = draw_screenshot()
    said = {"filetype": "image/png", "filename": "screenshot.png"}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    head = {**_TUS, "Upload-Length": str(len(picture)), "Upload-Metadata": metadata, "Idempotency-Key": ILLUSTRATED}
    begun = await story.agency.send("POST", "/evidence", headers=head)
    expect(begun.status == _CREATED, f"an upload is begun, not {begun}")
    place = "/evidence/" + begun.headers["Location"].rpartition("/")[2]
    first = await _send_part(story.agency, place, 0, picture[:_PART_BYTES])
    expect(first.status == _NO_CONTENT, f"the first part is taken, not {first}")
    where = await story.agency.send("HEAD", place, headers=_TUS)
    offset = int(where.headers["Upload-Offset"])
    expect(offset == _PART_BYTES, f"{_PART_BYTES} bytes have arrived, not {offset}")
    told.say("antiscam", f"uploads a screenshot of {len(picture)} bytes; after {offset} the line breaks")
    last = await _send_part(story.agency, place, offset, picture[offset:])
    digest = base64.b64encode(hashlib.sha256(picture).digest()).decode()
    expect(last.headers.get("Repr-Digest") == f"sha-256=:{digest}:", f"the gateway has the same bytes, not {last}")
    told.say("antiscam", "asks where it stopped, sends the rest, and compares the SHA-256 that the gateway tells")
    story.uploads[ILLUSTRATED] = place.rpartition("/")[2]


async def look(story: Story, told: Told) -> None:
    """By a link for this officer alone, and recorded."""
    piece = await _find_evidence(story.ana, story)
    shown = await story.ana.send("GET", _path_of(piece))
    expect(hashlib.sha256(shown.body).hexdigest() == piece["sha256"], "what is shown has the hash of what was filed")
    expect(shown.body == draw_screenshot(), "the picture is the one that was uploaded")
    told.say("ana", f"looks at the evidence of {ILLUSTRATED}: {shown.headers['Content-Type']}, {len(shown.body)} bytes")
    other = await story.budi.send("GET", _path_of(piece))
    alone = await story.budi.send("GET", _path_of(piece), is_anonymous=True)
    expect((other.status, alone.status) == (_NOT_FOUND, _UNAUTHORIZED), f"404 and 401, not {other} and {alone}")
    told.say("budi", "follows Ana's link: 404, it is hers alone; without any token it is 401")
    nodes = (await story.budi.do(WHO_LOOKED, id=story.complaint_ids[ILLUSTRATED]))["nodes"]
    seen = [record["officer"]["displayName"] for record in nodes if record["operationName"] == "GET /evidence/content"]
    expect(seen == ["Officer Ana (drafts)"], f"the record tells that Ana looked, not {nodes}")
    told.say("budi", "reads in the record of accesses that Ana looked at it, and when")


async def hand_over(story: Story, told: Told) -> None:
    """A carrier in a dispute gets an extract without the person, and never the original."""
    order_id, reason = story.order_ids[TELKOMSEL_NUMBER], "The subscriber disputes the block."
    piece = await _find_evidence(story.ana, story)
    bar = {"x": 0, "y": _NAME_ROWS.start, "width": _WIDTH, "height": len(_NAME_ROWS)}
    made = (await story.ana.do(REDACT_EVIDENCE, input={"evidenceId": piece["id"], "regions": [bar]}))["extract"]
    expect(made["sha256"] != piece["sha256"] == made["originalSha256"], "an extract has a hash of its own")
    told.say("ana", f"blacks out the name in it: an extract of its own, {made['sha256'][:16]}...")
    expect((await story.telkomsel.do(EXTRACTS))["nodes"] == [], "nobody has it before it is released")
    whom = {"extractId": made["id"], "memberId": story.cast.member_ids[TELKOMSEL], "orderId": order_id}
    released = (await story.ana.do(RELEASE_EXTRACT, input=whom | {"reason": reason}))["release"]
    order_no = (await story.telkomsel.do(ONE_ORDER, id=order_id))["orderNo"]
    told.say("ana", f"releases it to Telkomsel for {order_no}, in writing")
    (got,) = (await story.telkomsel.do(EXTRACTS))["nodes"]
    shown = await story.telkomsel.send("GET", _path_of(got))
    expect(hashlib.sha256(shown.body).hexdigest() == made["sha256"], "the carrier gets the extract")
    expect(_WHO in draw_screenshot() and _WHO not in shown.body, "and the complainant's name is not in it")
    told.say("telkomsel", f"fetches it: {len(shown.body)} bytes, the hash is right, the picture's metadata are gone")
    expect((await story.xlsmart.do(EXTRACTS))["nodes"] == [], "another carrier has nothing")
    original = await story.telkomsel.send("GET", _path_of(piece))
    expect(original.status == _NOT_FOUND, f"the original is 404, not {original}")
    told.say("telkomsel", "follows Ana's link to the original: 404; XLSmart's list of extracts is empty")
    await story.ana.do(WITHDRAW_EXTRACT, input={"releaseId": released["id"]})
    again = await story.telkomsel.send("GET", _path_of(got))
    expect(again.status == _NOT_FOUND, f"a withdrawn extract is 404, not {again}")
    told.say("ana", "withdraws it when the dispute is settled: Telkomsel's link leads nowhere at once")


async def _send_part(party: Party, place: str, offset: int, part: bytes) -> Reply:
    headers = {**_TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    return await party.send("PATCH", place, headers=headers, body=part)


async def _find_evidence(party: Party, story: Story) -> dict[str, Any]:
    (piece,) = (await party.do(EVIDENCE_OF, id=story.complaint_ids[ILLUSTRATED]))["evidence"]
    found: dict[str, Any] = piece
    return found


def _path_of(linked: dict[str, Any]) -> str:
    return "/evidence/" + str(linked["link"]["url"]).partition("/evidence/")[2]
