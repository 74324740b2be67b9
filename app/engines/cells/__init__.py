"""The recurrent layers that can be computed: a file for each one's equations, by Keras's name."""

from app.engines.cells.cell import Cell
from app.engines.cells.gru import GRU
from app.engines.cells.lstm import LSTM
from app.engines.cells.simple_rnn import SimpleRNN
from app.layers import Recurrent

CELLS: dict[str, type[Cell]] = {"SimpleRNN": SimpleRNN, "LSTM": LSTM, "GRU": GRU}


def make_cell(layer: Recurrent) -> Cell:
    """The cell that computes a layer, whose kernels are `arranged` ones."""
    return CELLS[layer.class_name](layer)
