"""The service's doors: its own interface, OpenAI's, health and metrics, and the page."""
