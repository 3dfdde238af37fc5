"""The mathematics of the recommender: plain numpy, scipy, scikit-learn, implicit and torch. It imports without Django.

papers and readers -> parts (one score each) -> fusion -> diversity -> one reason an item.
"""
