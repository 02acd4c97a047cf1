"""Polls a carrier's open orders, has its network carry them out, and acknowledges them.

    poller.py          polls until SIGTERM or Ctrl-C, which end it with 0
    poller.py --once   goes through the open orders once; ends with 1 if an order needs a person

It needs no memory of its own: an order stays open at the gateway until it is acknowledged, and an acknowledgement that
is sent twice is recorded once. So it may be killed at any time, and whatever was on its way is done again.
"""

import argparse
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx
from jembatan_client.client import Client
from jembatan_client.enums import AcknowledgementKind, BlockOrderState
from jembatan_client.exceptions import GraphQLClientError
from jembatan_client.input_types import AcknowledgementInput
from jembatan_client.open_orders import OpenOrdersBlockOrdersNodes as Order
from network import Network, Outcome
from pydantic import ValidationError

from gateway import ClientCredentials, Failure, Login, LoginRefusedError, Revalidating, present, read_failure

TIMEOUT_S = 30.0
WAIT_S_MAX = 60.0
OPEN = frozenset(
    {BlockOrderState.ISSUED, BlockOrderState.RECEIVED, BlockOrderState.PARTIAL, BlockOrderState.LIFT_ISSUED}
)
log = logging.getLogger("poller")
Answer = TypeVar("Answer")


class RefusedError(Exception):
    """The gateway refused an operation, and would refuse it again."""


class StoppedError(Exception):
    """The program was told to stop while it waited for the gateway."""


class Poller:
    """Everything between the gateway and the network."""

    def __init__(self, client: Client, network: Network, stopping: threading.Event) -> None:
        self._client = client
        self._network = network
        self._stopping = stopping

    def run(self, *, interval_s: float) -> None:
        """Poll until told to stop. Errors: RefusedError, LoginRefusedError."""
        while not self._stopping.is_set():
            self.poll()
            self._stopping.wait(interval_s)

    def poll(self) -> int:
        """Go through all open orders, those due soonest first; return how many need a person."""
        trouble, after = 0, None
        while not self._stopping.is_set():
            page = present(self._call(partial(self._client.open_orders, after=after)).blockOrders)
            trouble += self._acknowledge(self._carry_out(page.nodes or []))
            if not page.pageInfo.hasNextPage:
                break
            after = page.pageInfo.endCursor
        return trouble

    def _carry_out(self, orders: Sequence[Order]) -> list[AcknowledgementInput]:
        """Carry out orders, until told to stop; return what is to be said about them."""
        said = []
        for order in orders:
            if self._stopping.is_set():
                break
            outcome = self._network.carry_out(order)
            if outcome is not None:
                said.append(state(order, outcome))
            elif order.state is BlockOrderState.ISSUED:
                said.append(confirm_receipt(order))
        return said

    def _acknowledge(self, said: list[AcknowledgementInput]) -> int:
        """Send one batch; report each item that needs a person, and return how many do."""
        if not said:
            return 0
        answer = present(self._call(partial(self._client.acknowledge, said)).acknowledgeBlockOrders)
        trouble = 0
        for statement, result in zip(said, answer.results, strict=True):
            name = f"{statement.orderNo} {statement.kind.value}"
            if result.problem is not None:
                problem = result.problem
                log.error("%s was refused: %s: %s %s", name, problem.code, problem.message, problem.hint or "")
            elif result.wasKnown and is_open(present(result.blockOrder).state, statement.kind):
                log.error("%s was said before, and the order is open again: was it corrected?", name)
            else:
                recorded = present(result.acknowledgement)
                without = f", recorded without effect: {recorded.mark.value}" if recorded.mark else ""
                log.info("%s%s%s", name, " (late)" if recorded.isLate else "", without)
                continue
            trouble += 1
        return trouble

    def _call(self, operation: Callable[[], Answer]) -> Answer:
        """Run an operation, again and again while it fails for a reason that passes.

        Errors: RefusedError, StoppedError, LoginRefusedError.
        """
        tries = 0
        while True:
            try:
                return operation()
            except (httpx.HTTPError, GraphQLClientError) as error:
                failure = read_failure(error)
                if not failure.passes:
                    raise RefusedError(failure.text) from error
            tries += 1
            if self._stopping.wait(self._choose_wait(failure, tries)):
                raise StoppedError

    def _choose_wait(self, failure: Failure, tries: int) -> float:
        wait_s = max(failure.wait_s, random.uniform(0.5, 1.0) * min(2.0 ** (tries - 1), WAIT_S_MAX))
        log.warning("%s; again in %.1f s", failure.text, wait_s)
        return wait_s


def state(order: Order, outcome: Outcome) -> AcknowledgementInput:
    """Say what became of an order. The same outcome always has the same reference, so a repetition is recognized."""
    return AcknowledgementInput(
        kind=outcome.kind,
        orderNo=order.orderNo,
        version=order.version,
        reference=f"{order.orderNo}/{order.version}/{outcome.kind.value}",
        reason=outcome.reason,
        effectiveAt=outcome.at,
    )


def is_open(state: BlockOrderState, kind: AcknowledgementKind) -> bool:
    """Tell whether an order still waits for what was said about it."""
    return state in OPEN and kind not in {AcknowledgementKind.RECEIVED, AcknowledgementKind.PARTIAL}


def confirm_receipt(order: Order) -> AcknowledgementInput:
    """Say that the work on an order goes on."""
    kind = AcknowledgementKind.RECEIVED
    reference = f"{order.orderNo}/{order.version}/{kind.value}"
    return AcknowledgementInput(kind=kind, orderNo=order.orderNo, version=order.version, reference=reference)


def main() -> int:
    """Run as the module says."""
    arguments = argparse.ArgumentParser(description="Carries out a carrier's block orders.")
    arguments.add_argument("--once", action="store_true", help="go through the open orders once")
    once = arguments.parse_args().once
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stopping = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stopping.set())
    login = Login.from_environment()
    http = httpx.Client(
        auth=ClientCredentials(login),
        headers={"Accept": "application/graphql-response+json"},
        timeout=TIMEOUT_S,
        transport=Revalidating(),
    )
    with Client(url=f"{login.url}/graphql", http_client=http) as client:  # type: ignore[arg-type]  # its protocol is too narrow
        poller = Poller(client, Network(Path(os.environ.get("NETWORK_FILE", "network.db"))), stopping)
        try:
            if once:
                return 1 if poller.poll() else 0
            poller.run(interval_s=float(os.environ.get("POLL_SECONDS", "30")))
        except StoppedError:
            pass  # what was not acknowledged is still open, and comes again at the next start
        except (RefusedError, LoginRefusedError) as error:
            log.error("stopped: %s", error)
            return 1
        except ValidationError as error:
            log.error("stopped: the generated client does not know what the gateway sent; generate it again. %s", error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
