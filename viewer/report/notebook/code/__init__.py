"""The code of the sheets' notebooks that is not a recipe's: read as text, and put into cells. It is never called here.

Each function is checked as any other is, though torch and matplotlib are named and not loaded.
"""
