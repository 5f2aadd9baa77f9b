"""Who is who, and who may do what: accounts, organisations, teams, roles, grants and API tokens."""
