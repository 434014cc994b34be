"""Lines that DuckDB's CSV reader rejects: a file with such a line is copied line by line."""

from ir.review.sql.engine import DuckDb


class RejectedLines(Exception):
    """Lines were left out, so the rows that were read must not be used."""


def refuse_rejects(engine: DuckDb) -> None:
    """Look at the rejects of the last `read_csv(… store_rejects)`, and forget them.

    Raises:
        Rejected: something was.
    """
    left_out = engine.rows("SELECT COUNT(*) FROM reject_errors")[0][0]
    engine.connection.execute("DROP TABLE reject_errors")
    engine.connection.execute("DROP TABLE reject_scans")
    if left_out:
        raise RejectedLines
