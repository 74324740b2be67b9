"""How many descriptors a process may have: one for each connection, and some for all else."""

import logging
import resource

from app.http.bounds import SPARE_DESCRIPTORS

log = logging.getLogger("unrolled")


def make_room(connections: int) -> None:
    """Have so many connections allowed, as far as this process may ask; say where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning(
            "%d descriptors are allowed (ulimit -n), too few for %d connections",
            allowed,
            connections,
        )
