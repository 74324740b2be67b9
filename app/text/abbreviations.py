"""Words that are typed short on purpose, and what is read in their place where a model knows that
alone.
"""

SHORT_FORMS = {
    "u": "you", "ur": "your", "r": "are", "thx": "thanks", "tnx": "thanks", "thnx": "thanks",
    "pls": "please", "plz": "please", "ppl": "people", "msg": "message", "tmrw": "tomorrow",
}  # fmt: skip
