"""FastAPI, SQLAlchemy and Celery over redis, with a row in PostgreSQL for every job.

As a team that knows these tools builds it: one transaction for the row, then the message; the task marks the row
RUNNING and COMPLETED; late acknowledgement, so that a killed worker loses no job. It lacks an outbox: a crash between
the commit and the message leaves a row that never runs.
"""
