"""`python -m app`: the `unrolled` command."""

from app.entry import main

main()
