"""The application: every request, answers to errors, limits of connections, the server itself."""
