"""Values that every part uses: exact numbers, units, strict models, errors that name a field."""
