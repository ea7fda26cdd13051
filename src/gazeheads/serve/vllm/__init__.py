"""The plugin that steers inside vLLM: `register` is its entry point, of the group `vllm.general_plugins`.

vLLM calls it in each of its processes. There it registers our attention backend and wraps four methods:

    InputProcessor.process_inputs   a request's gaze is checked, resolved and laid out (`requests`)
    AsyncLLM.generate, LLMEngine.step   the proof of effect is put beside a finished answer (`replies`)
    GPUModelRunner._model_forward   which rows of the batch belong to which gaze (`worker`)

A request without a gaze goes through all of them unchanged. Written for vLLM 0.32.
"""

_state = {"registered": False}


def register() -> None:
    """Make this process steer. vLLM calls it, perhaps more than once."""
    if _state["registered"]:
        return
    _state["registered"] = True
    from gazeheads.serve.vllm import backends, replies, requests, worker

    backends.register()
    requests.wrap()
    replies.wrap()
    worker.wrap()
