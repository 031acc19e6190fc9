"""One module per verb of the command line, each one arrow of the workflow.

A module has a docstring (its first line is the help text), ``add_arguments(parser)`` and
``run(arguments)``. One whose name begins with ``_`` is no verb: verbs share it. The workflow
reruns a job when a module that its command imports has changed.
"""
