"""What people read: answers, changes and explanations as text, Markdown and pictures."""
