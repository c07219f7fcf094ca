"""Values for every part: exact numbers, units, strict models, errors that name a field."""
