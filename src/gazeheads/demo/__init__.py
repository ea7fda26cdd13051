"""The live demo: `gazeheads demo`. Move the cursor, and the model speaks of what is under it.

    limits    how much a visitor may ask for
    wire      the messages between page and server, as typed values
    aims      from a message to a region, a push, and heads
    uploads   from the bytes of a stranger to an image
    gallery   doodles and uploads, as the model and as the page get them
    turns     the one thread that runs the model: one step for each visitor in turn
    speech    one answer, made step by step, whose target may move between any two
    shelf     prompts that were run once, kept for the next answer
    visit     one visitor: a WebSocket, an image, at most one answer
    looking   POST /v1/look, for programs
    shared    what all visitors share: the model, its heads, the thread, the door
    guard     who may come in, and what a browser may do with what it gets
    app       all of it as an ASGI application
    serving   a socket, and the application on it
    assets/   the page: plain modules, no build, nothing from elsewhere

A leaf: nobody but the command line imports it.
"""
