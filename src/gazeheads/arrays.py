"""The kinds of numpy arrays, by what they hold. Shapes are added where an array is named.

    scores: Float64[Floats, "layer head"]          # Float64, Float32, Int64, Bool: of jaxtyping

Type checkers see the kind; the shape is checked while the tests run.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
