"""The project's one SQL database: what outlives a call. SQLite in a file by default, PostgreSQL for several nodes.

    database = Database.open("sqlite:////var/lib/fsflows/fsflows.db", threaded=True)   # migrates the schema
    database.write(lambda connection: connection.execute(...))       # one transaction, on disk when it returns
    rows = database.read(lambda connection: connection.execute(...).all())

Tables belong to the package that uses them and are declared on `metadata`; how they came to be is in `migrations`.
"""

from fsflows.database.engine import Database, DatabaseFailed
from fsflows.database.schema import Instant, metadata

__all__ = ["Database", "DatabaseFailed", "Instant", "metadata"]
