"""Words that are typed short on purpose, and what is read in their place where a model knows that
alone.
"""

SHORT_FORMS = {
    "u": "you", "ur": "your", "r": "are", "thx": "thanks", "tnx": "thanks", "thnx": "thanks",
    "pls": "please", "plz": "please", "ppl": "people", "msg": "message", "tmrw": "tomorrow",
    "bc": "because", "coz": "because", "sth": "something", "abt": "about", "luv": "love",
    "prolly": "probably", "govt": "government", "hv": "have", "tmr": "tomorrow", "thanx": "thanks",
    "tmw": "tomorrow", "tmro": "tomorrow", "tonite": "tonight", "nite": "night", "mrng": "morning",
    "wknd": "weekend", "wk": "week", "wks": "weeks", "xmas": "christmas", "gd": "good",
    "gud": "good", "wl": "will", "nd": "and", "frm": "from", "tht": "that", "wut": "what",
    "wht": "what", "rly": "really", "srsly": "seriously", "sry": "sorry", "tks": "thanks",
    "thks": "thanks", "bcz": "because", "bcs": "because", "bcos": "because", "bcuz": "because",
    "becuz": "because", "obv": "obviously", "obvs": "obviously", "dnt": "don't", "dint": "didn't",
    "enuf": "enough", "skool": "school", "txt": "text", "appt": "appointment",
    "appts": "appointments", "pkg": "package", "mtg": "meeting", "mtgs": "meetings",
    "mgr": "manager", "asst": "assistant", "acct": "account", "bldg": "building", "nvr": "never",
    "ltr": "later", "soz": "sorry", "pliz": "please", "pleez": "please", "bcoz": "because",
    "becoz": "because", "wkend": "weekend", "wkd": "weekend", "gna": "gonna", "gunna": "gonna",
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
    "gn": "good night", "w": "with", "em": "them", "omw": "on my way",
    "tysm": "thank you so much", "hbu": "how about you", "cya": "see you", "yr": "year",
    "yrs": "years", "sis": "sister", "approx": "approximately", "dept": "department",
    "bday": "birthday", "tues": "tuesday", "thurs": "thursday", "lotta": "lot of",
    "coulda": "could have", "shoulda": "should have", "woulda": "would have",
    "havnt": "haven't", "dosnt": "doesn't", "dosent": "doesn't", "doesent": "doesn't",
    "wasent": "wasn't", "didint": "didn't", "coudnt": "couldn't", "woudnt": "wouldn't",
    "shoudnt": "shouldn't", "your's": "yours", "her's": "hers", "our's": "ours",
    "their's": "theirs", "goodnite": "good night", "gnite": "good night", "gnight": "good night",
    "wassup": "what's up", "idc": "i don't care", "ikr": "i know right", "np": "no problem",
    "yw": "you're welcome", "ttyl": "talk to you later", "wyd": "what are you doing",
    "wya": "where are you", "ily": "i love you", "iloveyou": "i love you",
    "howareyou": "how are you", "idontknow": "i don't know", "letmeknow": "let me know",
}  # fmt: skip

# What is read as the words that are most like it, and is right as it is typed.
READ_AS = {
    "lmao": "lol", "lmfao": "lol", "rofl": "lol", "xd": "lol", "kk": "okay", "okie": "okay",
    "howdy": "hi", "hiya": "hi", "heya": "hi", "bf": "boyfriend", "fb": "facebook",
    "km": "kilometers", "kg": "pounds", "ft": "feet", "eg": "like",
    "mon": "monday", "tue": "tuesday", "thu": "thursday", "thur": "thursday", "fri": "friday",
}  # fmt: skip

# No slips of other words, though a model may know none of them: what is short for others, names of
# services, sounds, greetings of other languages.
NO_SLIPS = frozenset((
    "afaik", "afk", "bae", "bff", "bffs", "bonjour", "brb", "bruh", "ciao", "cnn", "dm", "dms",
    "eww", "faq", "fomo", "fyi", "gps", "hallo", "hola", "icymi", "iirc", "imho", "imo", "irl",
    "lowkey", "muah", "mwah", "namaste", "nbc", "nbd", "nfl", "ngl", "pdf", "phew", "png", "ppt",
    "rsvp", "salut", "smh", "sms", "snapchat", "sweetie", "tba", "tbd", "tgif", "tiktok", "tldr",
    "url", "usb", "whatsapp", "woohoo", "wtf", "xoxo", "yikes", "yolo", *READ_AS,
))  # fmt: skip

# What is read as these words where it stands alone.
SIGNS = {
    "&": "and", "@": "at", "w/": "with", "w/o": "without", "b/c": "because", "b4": "before",
    "gr8": "great", "l8r": "later", "m8": "mate", "2day": "today", "2nite": "tonight",
    "2morrow": "tomorrow", "4ever": "forever", "any1": "anyone", "some1": "someone",
    "every1": "everyone", "ne1": "anyone", "w8": "wait", "h8": "hate", "str8": "straight",
}  # fmt: skip

_ASKING = frozenset(("how", "hw", "what", "wat", "wht", "wut", "where", "when", "why", "who"))
_MANY = frozenset(("u", "you", "we", "they", "these", "those", "there"))


def may_be_short(word: str, before: str, after: str = "") -> bool:
    """Whether a word between these two may be typed short: "r" only where "are" may stand."""
    if word != "r":
        return True
    return before in _ASKING or before in _MANY or after in _MANY or not (before or after)
