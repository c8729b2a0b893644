"""`mentee bench learning`: what corrections buy, on a data set of questions with gold answers."""
