"""A PostgreSQL server of one test's own, which the test may kill."""

import signal

from ledger.storage.embedded import EmbeddedServer


class OwnServer(EmbeddedServer):
    """A server of this test's own, that it may kill."""

    def crash(self) -> None:
        """Without a checkpoint, as a power failure would."""
        self.folder.stop(signal.SIGQUIT)
