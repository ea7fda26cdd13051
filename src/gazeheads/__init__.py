"""Find the heads with which a vision-language model looks at what it describes, and point them elsewhere.

    import gazeheads as gh

    model = gh.load()                     # the bundled model, or gh.load("Qwen/Qwen3-VL-8B-Instruct")
    heads = gh.discover(model, gh.doodles(n=64, seed=0))
    scene = model.encode(photo, "What is happening here?")
    print(model.generate(scene, gaze=gh.Gaze(heads.top(0.09), at=scene.box(120, 40, 380, 300))))

The public names stand in `__init__.pyi`, each with its module. They are loaded on first use: importing this package
imports neither torch nor transformers.
"""

from lazy_loader import attach_stub

from gazeheads.version import __version__ as __version__

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
