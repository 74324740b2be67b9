"""Words that are typed short on purpose, and what is read in their place where a model knows that
alone.
"""

SHORT_FORMS = {
    "u": "you", "ur": "your", "r": "are", "thx": "thanks", "tnx": "thanks", "thnx": "thanks",
    "pls": "please", "plz": "please", "ppl": "people", "msg": "message", "tmrw": "tomorrow",
}  # fmt: skip

# And words that are typed as one where they are two.
RUN_TOGETHER = {
    "alot": "a lot", "thankyou": "thank you", "aswell": "as well", "infact": "in fact",
    "goodmorning": "good morning", "goodnight": "good night", "atleast": "at least",
    "ofcourse": "of course", "everytime": "every time", "incase": "in case", "noone": "no one",
    "eachother": "each other", "goodluck": "good luck", "forsure": "for sure",
}  # fmt: skip
