"""The OAuth 2 endpoints: the protocol by Authlib, what is done by the commands of the domain."""
