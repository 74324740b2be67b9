"""OpenAI's completions, and the tokenizer that evaluation harnesses ask for beside them."""
