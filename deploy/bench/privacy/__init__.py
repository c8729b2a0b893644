"""How well personal data is found, and how often what is none is taken for it: `mentee bench privacy`."""
