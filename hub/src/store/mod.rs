//! What people ask for: registry, events, accounts. The seam and its backends.
