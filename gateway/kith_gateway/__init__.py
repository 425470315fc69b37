"""One GraphQL API that joins the services."""
