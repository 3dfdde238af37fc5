"""The editors' desk: editions and their picks, previews, readers, and what became of every digest."""

from newsletter.admin import digests as digests
from newsletter.admin import editions as editions
from newsletter.admin import experiments as experiments
from newsletter.admin import numbers as numbers
from newsletter.admin import readers as readers
