"""AdamW with gradient clipping (Loshchilov and Hutter 2019), in place.

A table of which a batch touches some rows is updated in all of them, as Keras does it: between two
touches a row's second moment decays and its first goes on moving it, so that a rare word learns
about ten times as much from every time it is met. A short run needs that. In a long one it is
noise, and `lazy` Adam, where a row's moments wait until it is touched again, ends lower; the decay
does not wait, it is what keeps rare words modest.
"""

from dataclasses import dataclass, field

import numpy as np

from app.arrays import Floats
from app.training.network.bptt import Gradients
from app.training.network.parameters import Parameters

_BLOCK = 1 << 14  # elements updated at a time, so that the temporaries stay in the cache
# Moments of rows that are not met decay towards 0, and a processor is a hundred times slower on the
# subnormal numbers below 1e-38. Far above them a moment is nothing beside epsilon already.
_NOTHING, _STEPS_BETWEEN_FLUSHES = np.float32(1e-30), 100


@dataclass(slots=True)
class AdamW:
    """Optimiser state: first and second moments by parameter name, and the step count."""

    weight_decay: float = 0.0
    clip_norm: float = 1.0
    beta_1: float = 0.9
    beta_2: float = 0.99
    epsilon: float = 1e-8
    lazy: bool = False
    steps: int = 0
    first: Parameters = field(default_factory=dict)
    second: Parameters = field(default_factory=dict)

    def update(self, parameters: Parameters, gradients: Gradients, rate: float) -> None:
        """One step of size `rate` on `parameters`, in place."""
        self.steps += 1
        for name, parameter in parameters.items():
            if name not in self.first:
                self.first[name] = np.zeros_like(parameter)
                self.second[name] = np.zeros_like(parameter)
        factor = self._clipping(gradients)
        # Bias corrections folded into the step size and epsilon (Kingma and Ba 2015, section 2).
        unbias = np.sqrt(1 - self.beta_2**self.steps)
        step = np.float32(rate * unbias / (1 - self.beta_1**self.steps))
        epsilon = np.float32(self.epsilon * unbias)
        for name, parameter in parameters.items():
            decay = self._decay(parameter, name, rate)
            tables = parameter, self.first[name], self.second[name]
            rows = gradients.rows.get(name)
            if rows is not None and self.lazy:
                parameter *= decay
                p, m, v = (table[rows.ids] for table in tables)
                self._apply(p, m, v, rows.values, factor, step, epsilon)
                for table, updated in zip(tables, (p, m, v), strict=True):
                    table[rows.ids] = updated
                continue
            gradient = gradients.dense[name] if rows is None else rows.spread(len(parameter))
            flat = [array.reshape(-1) for array in (*tables, gradient)]
            for start in range(0, gradient.size, _BLOCK):
                p, m, v, g = (array[start : start + _BLOCK] for array in flat)
                p *= decay
                self._apply(p, m, v, g, factor, step, epsilon)
        if self.steps % _STEPS_BETWEEN_FLUSHES == 0:
            for moment in (*self.first.values(), *self.second.values()):
                moment[np.abs(moment) < _NOTHING] = 0.0

    def _clipping(self, gradients: Gradients) -> np.float32:
        arrays = [*gradients.dense.values(), *(rows.values for rows in gradients.rows.values())]
        norm = np.sqrt(sum(float(np.vdot(array, array)) for array in arrays))
        return np.float32(min(1.0, self.clip_norm / (norm + 1e-12)) if self.clip_norm else 1.0)

    def _decay(self, parameter: Floats, name: str, rate: float) -> np.float32:
        """What a parameter is multiplied by; biases are not decayed."""
        decayed = parameter.ndim == 2 and parameter.shape[1] > 1 and "bias" not in name
        return np.float32(1 - rate * self.weight_decay if decayed else 1.0)

    def _apply(
        self,
        p: Floats,
        m: Floats,
        v: Floats,
        gradient: Floats,
        factor: np.float32,
        step: np.float32,
        epsilon: np.float32,
    ) -> None:
        gradient = gradient * factor
        m *= np.float32(self.beta_1)
        m += np.float32(1 - self.beta_1) * gradient
        np.square(gradient, out=gradient)
        gradient *= np.float32(1 - self.beta_2)
        v *= np.float32(self.beta_2)
        v += gradient
        np.sqrt(v, out=gradient)
        gradient += epsilon
        np.divide(m, gradient, out=gradient)
        gradient *= step
        p -= gradient
