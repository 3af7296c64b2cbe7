"""The demo's command in an application of its own: `python -m tests.integration.examples.demo_main demo`."""

import typer

from api.demo.command import register

app = typer.Typer()
register(app)


@app.callback()
def main() -> None:
    """A second command would do as well; Typer drops the names of commands that are alone."""


if __name__ == "__main__":
    app()
