"""From the runs' sums to tables, claims, sentences, figures and pages, beside the published numbers."""
