"""Training: text in, model folder out. Uses the serving text code; serving never imports it."""
