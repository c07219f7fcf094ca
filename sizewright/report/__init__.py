"""Answers, changes and explanations as text, Markdown and pictures for people."""
