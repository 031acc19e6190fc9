"""Which embedding size should users and items get? Answers from the tables of a run, for people and for programs.

``answers`` takes from the tables what decides; ``words`` says it; ``sizes`` gives every id a size; ``page`` shows it.
Nothing is computed here that is not in a table, and nothing is recommended that is undecided.
"""
