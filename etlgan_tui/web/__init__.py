"""The dashboard in a browser: each page gets a dashboard process of its own; runs belong to neither."""
