"""Files that a service makes and keeps: their copy in another region."""
