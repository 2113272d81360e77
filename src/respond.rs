//! 7. What the world is told. Revisions leave through a durable outbox, each once a sink as far as
//!    a network allows; nothing here decides an alert, and a replay never gets here.
