"""The database: engine, unit of work, tables, migrations."""
