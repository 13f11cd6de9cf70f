"""The bus: plain aiokafka with an outbox, an inbox and parking around it."""
