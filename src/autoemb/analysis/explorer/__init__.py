"""Pages that a person reads in a browser, each one file that needs no network.

``pages.explorer`` shows the curves of all tables, with the choice of data set, order, task, side and methods;
``pages.sheet`` is one table whose rows sort. The charts are drawn by Vega-Lite, which the pages hold.
"""
