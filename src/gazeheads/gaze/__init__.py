"""Values that say where heads are pointed, how hard and when, and what came of it. No torch."""
