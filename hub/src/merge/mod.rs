//! From the log to the view: applies each record to the store and publishes it.
