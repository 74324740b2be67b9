"""HTTP, thinly: requests in, answers and problems out. No arithmetic happens here."""
