"""Copy a file line by line, by the rules of its form."""

from pathlib import Path

from ir.review.ingest import database_dumps, json_documents, listed_fields, tolerant_reader, unfolding
from ir.review.ingest.file_shape import Shape


def rewrite(shape: Shape, file: Path, target: Path, bad: tolerant_reader.Bad) -> list[str]:
    """Copy the readable part of a file to `target`, the rest to `bad`, by the rules of its form; returns further notes."""
    if shape.form == "json":
        return json_documents.rewrite_document(file, target, bad, own=shape.own)
    if shape.folded == "table":
        events = shape.kind == "events"
        return unfolding.rewrite_table(file, target, bad, header=shape.header, delimiter=shape.delimiter, skip=shape.skip, events=events)
    if shape.folded == "dump":
        return database_dumps.rewrite_dump(file, target, bad)
    if shape.folded in listed_fields.FORMS:
        return listed_fields.rewrite_listed(file, target, bad, form=shape.folded, own=shape.own)
    if shape.folded == "lines":
        return unfolding.rewrite_spread(file, target, bad)
    if shape.form == "csv":
        any_end = shape.folded == "ends"
        return tolerant_reader.rewrite_csv(
            file, target, bad, delimiter=shape.delimiter, width=len(shape.header), skip=shape.skip, any_end=any_end
        )
    if shape.folded == "ends":
        return tolerant_reader.rewrite_lines(file, target, bad, json_only=True, any_end=True)
    if shape.folded:
        return unfolding.rewrite_records(file, target, bad, own=shape.own)
    return tolerant_reader.rewrite_lines(file, target, bad, json_only=shape.form == "jsonl")
