"""`python -m engine.cli`: how the supervisor starts its roles."""

from engine.cli import main

main()
