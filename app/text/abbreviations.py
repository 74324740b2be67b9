"""Words that are typed short on purpose, and what is read in their place where a model knows that
alone.
"""

SHORT_FORMS = {
    "u": "you", "ur": "your", "r": "are", "thx": "thanks", "tnx": "thanks", "thnx": "thanks",
    "pls": "please", "plz": "please", "ppl": "people", "msg": "message", "tmrw": "tomorrow",
    "bc": "because", "coz": "because", "sth": "something", "abt": "about", "luv": "love",
    "prolly": "probably", "govt": "government", "hv": "have", "tmr": "tomorrow", "thanx": "thanks",
}  # fmt: skip

# What is read as other words once it is typed; until then it may begin another: "cost".
SEVERAL = {
    "alot": "a lot", "thankyou": "thank you", "aswell": "as well", "infact": "in fact",
    "goodmorning": "good morning", "goodnight": "good night", "atleast": "at least",
    "ofcourse": "of course", "everytime": "every time", "incase": "in case", "noone": "no one",
    "alittle": "a little", "abit": "a bit", "eventhough": "even though", "seeyou": "see you",
    "goodafternoon": "good afternoon", "goodevening": "good evening", "arnt": "aren't",
    "hahah": "haha", "hahahah": "haha", "gtg": "got to go", "eachother": "each other",
    "goodluck": "good luck", "forsure": "for sure",
    "iam": "i am", "cos": "because", "rn": "right now", "ofc": "of course", "lmk": "let me know",
    "nvm": "never mind", "wbu": "what about you", "hbd": "happy birthday", "gm": "good morning",
    "gn": "good night", "w": "with", "em": "them", "xd": "lol", "omw": "on my way",
    "tysm": "thank you so much", "hbu": "how about you", "cya": "see you", "yr": "year",
    "yrs": "years", "sis": "sister", "approx": "approximately", "dept": "department",
    "bday": "birthday", "tues": "tuesday", "thurs": "thursday", "lotta": "lot of",
    "coulda": "could have", "shoulda": "should have", "woulda": "would have",
    "havnt": "haven't", "dosnt": "doesn't", "dosent": "doesn't", "doesent": "doesn't",
    "wasent": "wasn't", "didint": "didn't", "coudnt": "couldn't", "woudnt": "wouldn't",
    "shoudnt": "shouldn't", "your's": "yours", "her's": "hers", "our's": "ours",
    "their's": "theirs",
}  # fmt: skip

# Short, and no slip of another word; a model need not know them.
NO_SLIPS = frozenset((
    "bff", "brb", "cnn", "dm", "dms", "faq", "fyi", "gps", "iirc", "imho", "imo", "irl", "nbc",
    "nfl", "pdf", "png", "ppt", "rofl", "rsvp", "smh", "sms", "tba", "tbd", "url", "usb", "wtf",
))  # fmt: skip

# What is read as these words where it stands alone.
SIGNS = {"&": "and", "@": "at", "w/": "with", "w/o": "without", "b/c": "because"}

_ASKING = frozenset(("how", "what", "where", "when", "why", "who"))
_MANY = frozenset(("u", "you", "we", "they", "these", "those", "there"))


def may_be_short(word: str, before: str, after: str = "") -> bool:
    """Whether a word between these two may be typed short: "r" only where "are" may stand."""
    if word != "r":
        return True
    return before in _ASKING or before in _MANY or after in _MANY or not (before or after)
