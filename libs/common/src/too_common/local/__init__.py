"""The local stack: embedded PostgreSQL and Kafka, and the supervisor that `make up` runs."""
