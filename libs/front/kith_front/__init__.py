"""A short way in for small requests: from uvicorn's parser to the answer, past ASGI."""
