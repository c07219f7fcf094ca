"""How numbers, tables, paragraphs, pictures and progress are laid out."""
