"""Templates of HTML pages: what is put into one is text, unless it says that it is markup."""

from functools import cache

import jinja2


@cache
def template(name: str) -> jinja2.Template:
    """The file of this name in `templates/`; a value that it names and does not get is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gazeheads.pages", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
