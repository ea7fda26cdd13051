"""Pages and Markdown from templates."""
