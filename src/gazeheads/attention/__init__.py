"""The one seam with transformers: an attention function whose calls probes rewrite (steering) or read (recording)."""
