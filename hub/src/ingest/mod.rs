//! What gateways send: sessions as pure state machines, the QUIC shell around them, joining and renewal.
