//! The engines themselves, as the other tests need them: they come back where they were, with what
//! they had acknowledged.

use harness::engines::Cassandra;
use harness::engines::Kafka;
use harness::engines::Postgres;

#[test]
fn kafka_keeps_its_address_and_its_messages_over_a_crash() {
    let kafka = Kafka::own(&[]);
    let address = kafka.address();
    kafka.create_topic("kept", 1);
    kafka.produce("kept", &["one", "two"]);
    kafka.crash();
    kafka.start_again();
    assert_eq!(kafka.address(), address);
    assert_eq!(kafka.console_consumer("kept", 2), ["one", "two"]);
}

#[test]
fn cassandra_answers_a_client_that_is_not_ours() {
    let cassandra = Cassandra::any();
    let rows = cassandra.cql("SELECT cluster_name FROM system.local");
    assert_eq!(rows, [r#"{"cluster_name": "gamma tests"}"#]);
}

#[test]
fn postgres_keeps_what_it_committed_over_an_immediate_shutdown() {
    let postgres = Postgres::own(&[]);
    let url = postgres.database("kept");
    let name = url.rsplit('/').next().expect("a name");
    let _ = postgres.psql(name, "CREATE TABLE kept (word TEXT); INSERT INTO kept VALUES ('one')");
    postgres.shut_down_immediately();
    postgres.start_again();
    assert_eq!(postgres.psql(name, "SELECT word FROM kept"), ["one"]);
    postgres.crash();
    postgres.start_again();
    assert_eq!(postgres.psql(name, "SELECT word FROM kept"), ["one"]);
}
