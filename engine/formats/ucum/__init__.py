"""UCUM, the code system of units: its atoms, and the grammar that tells what is a code of it."""
