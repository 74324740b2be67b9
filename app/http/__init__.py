"""One exchange over HTTP, whatever the protocol: where it enters, what it may cost, how it ends."""
