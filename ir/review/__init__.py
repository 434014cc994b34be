"""Misuse review: collect, normalise, detect, judge. `StripeReviewer` implements `ir.ports.Reviewer`."""

from ir.review.reviewer import StripeReviewer

__all__ = ["StripeReviewer"]
