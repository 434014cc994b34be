"""The SQL engines and the schema that all detections share."""
