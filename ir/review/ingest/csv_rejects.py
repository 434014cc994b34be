"""What DuckDB's CSV reader would not take: a file with such a line goes the careful way."""

from ir.review.sql.engine import DuckDb


class RejectedLines(Exception):
    """Lines were left out, so what was read is not to be used."""


def refuse_rejects(engine: DuckDb) -> None:
    """Look at what the last `read_csv(… store_rejects)` left out, and forget it.

    Raises:
        Rejected: something was.
    """
    left_out = engine.rows("SELECT COUNT(*) FROM reject_errors")[0][0]
    engine.connection.execute("DROP TABLE reject_errors")
    engine.connection.execute("DROP TABLE reject_scans")
    if left_out:
        raise RejectedLines
