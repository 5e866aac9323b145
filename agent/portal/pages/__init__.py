"""Pages that the server makes: templates, their language, forms."""
