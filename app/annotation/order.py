"""Which text stands first: a coin that was tossed before anybody looked."""

import hashlib
import hmac


def candidate_is_first(secret: bytes, *, comparison_id: int, annotator_id: int, occasion: int) -> bool:
    """One keyed bit, fair over many comparisons and annotators, and the same however often a page is loaded."""
    message = f"order:{comparison_id}:{annotator_id}:{occasion}".encode()
    return hmac.digest(secret, message, hashlib.sha256)[0] & 1 == 1
