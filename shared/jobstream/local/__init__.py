"""The whole system on one machine, without Docker: PostgreSQL, a broker, the api, workers."""
