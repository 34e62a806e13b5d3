//! The append-only log of what gateways reported: the seam and its conformance suite.
