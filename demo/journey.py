"""The journey: one list of steps, each performed by the parties over HTTP and checked on the way."""

from collections.abc import Awaitable, Callable

from cli.follow.socket import StreamEndedError
from demo import (
    contributing_steps,
    ending_steps,
    evidence_steps,
    filing_steps,
    following_steps,
    ordering_steps,
    proof_steps,
    referral_steps,
    signal_steps,
)
from demo.parties import StepFailedError
from demo.story import Story
from demo.telling import Teller, Told

Step = tuple[str, Callable[[Story, Told], Awaitable[None]]]

STEPS: tuple[Step, ...] = (
    ("Every party gets its own token", filing_steps.get_tokens),
    ("The agency uploads a screenshot", evidence_steps.upload),
    ("The agency files complaints", filing_steps.file_complaints),
    ("Officer Ana looks at the evidence", evidence_steps.look),
    ("Officer Ana verifies", filing_steps.decide_complaints),
    ("Ana forwards: complaints become drafts of block orders", ordering_steps.forward),
    ("Four eyes: Budi approves what Ana drafted", ordering_steps.approve),
    ("Carriers fetch what is due", ordering_steps.fetch_orders),
    ("Carriers acknowledge in bulk", ordering_steps.acknowledge),
    ("A carrier tries to read another's order", ordering_steps.read_anothers),
    ("A carrier in a dispute gets a redacted extract", evidence_steps.hand_over),
    ("A messaging firm takes part, and is asked about accounts", referral_steps.refer),
    ("The firm answers as it likes, or not at all", referral_steps.answer),
    ("An impossible order is rerouted", ending_steps.reroute),
    ("An order is withdrawn", ending_steps.withdraw),
    ("An order becomes overdue and is executed late", ending_steps.be_late),
    ("A referral lapses, and what the firm did is taken back", referral_steps.lapse),
    ("A block is lifted", ending_steps.lift),
    ("Complainants are told the outcome", ending_steps.tell_outcomes),
    ("An OTT provider takes part in fraud signals", signal_steps.take_part),
    ("A carrier and the OTT provider follow what happens", following_steps.follow),
    ("Both are cut off, and things go on", following_steps.cut_off),
    ("Both come back, and nothing was lost", following_steps.resume),
    ("The OTT provider contributes, corrects itself and confirms a revocation", contributing_steps.contribute),
    ("A carrier proves that its acknowledgement is in the log", proof_steps.prove),
    ("Another OTT provider leaves, and confirms what it deleted", signal_steps.leave),
    ("The same query, seen by each party", ending_steps.compare_views),
    ("Both instruments of one number, seen by each party", referral_steps.compare_instruments),
)


async def play(story: Story, teller: Teller) -> str | None:
    """Run every step; return None if all succeeded, else the title of the step that failed, where the run stops."""
    for number, (title, step) in enumerate(STEPS, start=1):
        told = Told()
        failure: str | None = None
        teller.begin(number, len(STEPS), title)
        try:
            await step(story, told)
        except StepFailedError as error:
            failure = str(error)
        except StreamEndedError as error:
            failure = f"the stream continues ({error.problem}: {error.message})"
        except (KeyError, TypeError, IndexError, ValueError, OSError, TimeoutError) as error:
            # An answer that doesn't have the promised shape is a failed step, not a failed program.
            failure = f"the answer has the promised shape ({type(error).__name__}: {error})"
        teller.end(number, title, told, failure=failure)
        if failure is not None:
            return f"{number}. {title}"
    return None
