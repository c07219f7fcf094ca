"""Documents of applications: their pods, their documents, and their chat pages."""
