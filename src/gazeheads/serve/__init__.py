"""A gaze in a request: one schema for Python, HTTP and ledgers, and the plugin that steers inside vLLM.

`schema` says what a request may hold, `resolve` makes a `Gaze` of it for one scene; neither loads torch. `lanes` and
`steps` steer paged batches with the formulas of `gazeheads.attention.formulas`; `vllm` is the plugin. Nothing here
loads transformers: it runs beside whichever version the engine brings.
"""
