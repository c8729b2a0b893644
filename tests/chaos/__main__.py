"""`python -m tests.chaos`. The processes that it forks read this file too, so nothing is imported for them."""

if __name__ == "__main__":
    import typer

    from tests.chaos.running import main

    typer.run(main)
