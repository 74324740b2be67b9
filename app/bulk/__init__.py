"""Files of phrases -> files of predictions: in order, streamed, resumed where a kill left them."""
