"""Layout of numbers, tables, paragraphs, pictures and progress."""
