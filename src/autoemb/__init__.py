"""Reference reproduction of AutoEmb (Zhao et al., arXiv 2002.11252, ICDM 2021)."""
