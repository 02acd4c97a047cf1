"""A worker that ends before it ever served: what that means depends on whether another one serves."""

import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

import pytest

from cli.session import Installation
from cli.workers import WorkersFailedError, _Crew, _Worker


@pytest.fixture
def crew() -> Iterator[_Crew]:
    """Two workers, the second of which was killed before it said anything."""
    workers = [_Worker(0), _Worker(1)]
    with socket.socket() as listener:
        made = _Crew(cast("Installation", None), listener, -1, lambda: None, workers)
        killed = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
        workers[1].process = killed
        workers[1].report, written = os.pipe()
        made.selector.register(workers[1].report, selectors.EVENT_READ, workers[1])
        os.close(written)
        yield made
        made.selector.close()


class TestWorkerKilledBeforeItServed:
    def test_ends_serve_while_none_has_served(self, crew: _Crew) -> None:
        with pytest.raises(WorkersFailedError, match="Worker 1 ended with status -9 before it served"):
            crew._hear(crew.workers[1])

    def test_is_started_again_while_another_serves(self, crew: _Crew) -> None:
        crew.workers[0].has_served = True
        crew._hear(crew.workers[1])
        assert crew.workers[1].process is None
        assert (crew.workers[1].failures, crew.workers[1].start_at > 0) == (1, True)
