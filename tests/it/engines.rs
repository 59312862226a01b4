//! The same road on Kafka, ScyllaDB (Cassandra here) and PostgreSQL.

mod own;
