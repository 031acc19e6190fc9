"""How results are kept whole, recorded, checked and handed on."""
