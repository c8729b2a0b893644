"""Where knowledge comes from: Markdown pages and FAQ files."""
