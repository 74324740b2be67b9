"""PyTorch's word_language_model example with RNN_TANH: `python torch_language_model.py`.

From stdin (.npz): ids [rows, sequences], and the sizes. The example's own training step: windows of
the running text, the state carried over, full softmax, clipping, plain SGD. Prints words/s.
"""

import io
import sys
import time

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
given = np.load(io.BytesIO(sys.stdin.buffer.read()))
ids = torch.from_numpy(given["ids"].astype(np.int64))
classes, features, units, window = (
    int(given[k]) for k in ("classes", "features", "units", "window")
)


class RNNModel(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.2)
        self.encoder = nn.Embedding(classes, features)
        self.rnn = nn.RNN(features, units, 1, nonlinearity="tanh")
        self.decoder = nn.Linear(units, classes)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        output, h = self.rnn(self.drop(self.encoder(x)), h)
        decoded = self.decoder(self.drop(output)).view(-1, classes)
        return nn.functional.log_softmax(decoded, dim=1), h


model, criterion = RNNModel(), nn.NLLLoss()
h = torch.zeros(1, ids.shape[1], units)
words, begin = 0, time.perf_counter()
for at in range(0, len(ids) - 1 - window, window):
    model.zero_grad()
    output, h = model(ids[at : at + window], h.detach())
    loss = criterion(output, ids[at + 1 : at + 1 + window].reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    for p in model.parameters():
        p.data.add_(p.grad, alpha=-20)
    words += window * ids.shape[1]
print(words / (time.perf_counter() - begin))
